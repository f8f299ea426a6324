"""IR-ResNet50, the paper's visual network (section 3.1): a face-recognition ResNet-50.

Its units are those of ArcFace (Deng et al., 2019): batch norm, convolution, PReLU, convolution,
batch norm, and a shortcut. Modules have the names that the published weights use. It differs from
the network for crops of 112 pixels in one place, as these weights do: the first stage keeps the
resolution, so a crop of 40 pixels ends as 5 x 5.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from rjcma.encoders.frozen import in_order

STAGES = ((64, 3, 1), (128, 4, 2), (256, 14, 2), (512, 3, 2))
"""Of each stage: channels, number of units, and stride of the first unit."""

LAST_CELLS = 5 * 5  # resolution after the strides, from 40 x 40 pixels


class Subsampled(nn.Module):
    """Keeps every `step`-th pixel; the published network uses a max-pool with kernel 1."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.step = step

    def forward(self, x: Tensor) -> Tensor:
        return x[..., :: self.step, :: self.step]


class Unit(nn.Module):
    """A residual unit, (B, inputs, H, W) -> (B, outputs, H / stride, W / stride)."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.shortcut_layer = (
            Subsampled(stride)
            if inputs == outputs
            else nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )
        )
        self.res_layer = nn.Sequential(
            nn.BatchNorm2d(inputs),
            nn.Conv2d(inputs, outputs, 3, padding=1, bias=False),
            nn.PReLU(outputs),
            nn.Conv2d(outputs, outputs, 3, stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )

    def forward(self, x: Tensor) -> Tensor:
        return self.res_layer(x) + self.shortcut_layer(x)


class IRResNet50(nn.Module):
    """Faces (B, 3, 40, 40) in [-1, 1] -> vectors (B, 512) of length 1."""

    input_shape = (3, 40, 40)
    width = 512

    groups = (
        ("output_layer",),
        tuple(f"body.{n}" for n in range(21, 24)),  # the fourth stage
        tuple(f"body.{n}" for n in range(14, 21)),  # the second half of the third stage
    )
    """Groups of modules, in the order in which fine-tuning releases them (the released code's)."""

    def __init__(self, dropout: float = 0.4) -> None:
        """`dropout` acts on the last features, in training (ours: the paper gives none)."""
        super().__init__()
        first, last = STAGES[0][0], STAGES[-1][0]
        self.input_layer = nn.Sequential(
            nn.Conv2d(3, first, 3, padding=1, bias=False), nn.BatchNorm2d(first), nn.PReLU(first)
        )
        self.output_layer = nn.Sequential(
            nn.BatchNorm2d(last),
            nn.Dropout(dropout),
            nn.Flatten(),
            nn.Linear(last * LAST_CELLS, self.width),
            nn.BatchNorm1d(self.width),
        )
        self.body = nn.Sequential(*_units(first))

    def forward(self, faces: Tensor) -> Tensor:
        layers = [self.input_layer, *self.body, self.output_layer]
        return F.normalize(in_order(layers, faces))


def _units(inputs: int) -> list[Unit]:
    """The units of all stages, one after another."""
    units = []
    for outputs, count, stride in STAGES:
        units += [Unit(inputs, outputs, stride)]
        units += [Unit(outputs, outputs, 1) for _ in range(count - 1)]
        inputs = outputs
    return units
