"""The attention as the authors' released code computes it; `rjcma.py` has the paper's equations.

    here              shape         what it is
    x[modality]       (B, K, d_m)   a modality's features
    joint             (B, K, d)     the features of all modalities, not passed through a layer
    key               (B, d_m, K)   each feature over time, its frames mixed by weights (K, K)
    correlation       (B, d_m, d)   each key with each joint feature, summed over the window
    value             (B, K, d_m)   each frame's features, mixed by weights (d_m, d_m)
    attended          (B, K, d)     the values times the correlation

This correlates features with features, whereas equations 2 to 10 of the paper correlate frames with
frames. As in the released code, each frame is a row, and each layer has its own weights, with
PyTorch's default initialisation. The released code has two layers; here `recursions` sets the
number. It also projects the joint features but never uses the result; this is left out here.

Padded frames are rows of zeros in X and in the joint features, so they add nothing to the sum over
the window, and no valid frame's output depends on them (ours; in the released code it does).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked, require_frames
from rjcma.fusion.settings import ReleasedSettings

DROPOUT = 0.6  # on the term that is added to a modality's features (the released code's)


class CoAttention(nn.Module):
    """One layer, for windows of `frames` frames."""

    def __init__(self, widths: Mapping[str, int], frames: int) -> None:
        super().__init__()
        self.d = d = sum(widths.values())
        self.key = nn.ModuleDict({m: nn.Linear(frames, frames) for m in widths})
        self.value = nn.ModuleDict({m: nn.Linear(width, width) for m, width in widths.items()})
        self.linear = nn.ModuleDict({m: nn.Linear(d, width) for m, width in widths.items()})

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Attended features of each modality, from its features; `valid` (B, K, 1) is 0 or 1."""
        joint = torch.cat(list(x.values()), dim=2)
        scaled = joint / math.sqrt(self.d)
        gates = self.gate(joint, valid).split([x[m].shape[2] for m in x], dim=2)
        result = {}
        for m, gate in zip(x, gates, strict=True):
            correlation = torch.tanh(self.key[m](x[m].mT) @ scaled)
            attended = torch.relu(torch.tanh(self.value[m](x[m]) @ correlation))
            result[m] = x[m] + torch.relu(self.linear[m](attended)) * gate
        return result

    def gate(self, joint: Tensor, valid: Tensor) -> Tensor:
        """The factor (B, K, d) on the term that is added to the features: 0 where padded.

        In training, it also applies dropout, for all modalities at once. It draws uniform numbers
        because on some processors these are several times as fast as `torch.bernoulli`.
        """
        if not self.training:
            return valid.expand_as(joint)
        uniform = torch.rand(joint.shape, device=joint.device)
        return (uniform >= DROPOUT) * (valid / (1 - DROPOUT))


class Released(FusionModule):
    """The layers one after another, then concatenation."""

    @classmethod
    def of(
        cls, settings: ReleasedSettings, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> Released:
        return cls(widths, frames=frames, recursions=recursions)

    def __init__(self, widths: Mapping[str, int], frames: int, recursions: int) -> None:
        super().__init__()
        self.frames = frames
        self.width = sum(widths.values())
        self.layers = nn.ModuleList([CoAttention(widths, frames) for _ in range(recursions)])

    def temporal_weights(self) -> list[nn.Parameter]:
        """The weights (K, K) of all keys."""
        named = self.named_parameters()
        return [weight for name, weight in named if ".key." in name and name.endswith(".weight")]

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal representation (B, d, K), from each modality's features (B, d_m, K).

        `valid` (B, K) is false for padded frames. Raises `ValueError` unless the windows have the
        length that the module was built for.
        """
        require_frames(valid, self.frames)
        rows = {m: values.mT.contiguous() for m, values in masked(x, valid).items()}
        mask = valid[:, :, None].to(next(iter(rows.values())).dtype)
        for layer in self.layers:
            rows = layer(rows, mask)
        return torch.cat(list(rows.values()), dim=2).mT
