"""VGGish, the paper's audio network (section 3.2): a VGG for log-mel windows of 0.96 s.

Hershey et al., "CNN architectures for large-scale audio classification" (2017), with the module
names of torchvggish's published weights. It differs from torchvggish in one point, as the paper's
released code does: there is no ReLU after the last layer, so vectors keep their negative values.
"""

from __future__ import annotations

from torch import Tensor, nn

from rjcma.audio.windows import BANDS, WINDOW_ROWS
from rjcma.encoders.frozen import in_order

LAYERS = (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool")
"""Channels of each 3x3 convolution; a pool halves height and width."""

LAST = (6, 4, 512)  # rows and bands after four halvings of 96 and 64, and channels
HIDDEN = 4096


class _Flat(nn.Module):
    """Flattens in TensorFlow's order, for which the weights were trained: channels last."""

    def forward(self, features: Tensor) -> Tensor:
        return features.permute(0, 2, 3, 1).flatten(1)


class VGGish(nn.Module):
    """Log-mel windows (B, 96, 64) or (B, 1, 96, 64) -> vectors (B, 128)."""

    input_shape = (WINDOW_ROWS, BANDS)
    width = 128

    groups = (("embeddings.4",), ("embeddings.2",), ("embeddings.0",))
    """Groups of modules, in the order in which fine-tuning releases them (the released code's)."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(*_convolutions())
        self.flat = _Flat()
        rows, bands, channels = LAST
        self.embeddings = nn.Sequential(
            nn.Linear(rows * bands * channels, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, HIDDEN),
            nn.ReLU(inplace=True),
            nn.Linear(HIDDEN, self.width),
        )
        self.apply(_initialise)

    def forward(self, windows: Tensor) -> Tensor:
        layers = [self.features, self.flat, *self.embeddings]
        return in_order(layers, windows.reshape(-1, 1, *windows.shape[-2:]))


def _initialise(layer: nn.Module) -> None:
    """Random weights that keep the scale of values through ReLUs (He et al., 2015).

    With torch's defaults, the signal would vanish over nine layers without normalisation.
    """
    if isinstance(layer, nn.Conv2d | nn.Linear):
        nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu")
        assert layer.bias is not None
        nn.init.zeros_(layer.bias)


def _convolutions() -> list[nn.Module]:
    layers: list[nn.Module] = []
    inputs = 1
    for layer in LAYERS:
        if isinstance(layer, int):
            layers += [nn.Conv2d(inputs, layer, 3, padding=1), nn.ReLU(inplace=True)]
            inputs = layer
        else:
            layers += [nn.MaxPool2d(2)]
    return layers
