"""The attention that the authors' released code computes; `rjcma.py` is what the paper writes.

    here              shape         what it is
    x[modality]       (B, K, d_m)   a modality's features
    joint             (B, K, d)     the features of all modalities, not passed through a layer
    key               (B, d_m, K)   each feature's course, mixed over time by weights (K, K)
    correlation       (B, d_m, d)   of each key with each joint feature: summed over the window
    value             (B, K, d_m)   each frame's features, mixed by weights (d_m, d_m)
    attended          (B, K, d)     what the values say of the joint features

So features are correlated with features, where equations 2 to 10 of the paper correlate frames with
frames. Features stand in rows here, as in the released code. It has two such layers, each with
weights of its own; here `recursions` says how many. It also projects the joint features and uses
the result nowhere, which is left out. Its layers start as PyTorch starts linear ones; so do these.

Padded frames are rows of zeros in X and so in the joint features: the sum over the window leaves
them out, and no valid frame's output depends on them (ours; the released code mixes them in).
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked, require_frames
from rjcma.fusion.settings import ReleasedSettings

DROPOUT = 0.6  # of what is added to a modality's features (the released code's)


class CoAttention(nn.Module):
    """One layer, for windows of `frames` frames."""

    def __init__(self, widths: Mapping[str, int], frames: int) -> None:
        super().__init__()
        self.d = d = sum(widths.values())
        self.key = nn.ModuleDict({m: nn.Linear(frames, frames) for m in widths})
        self.value = nn.ModuleDict({m: nn.Linear(width, width) for m, width in widths.items()})
        self.linear = nn.ModuleDict({m: nn.Linear(d, width) for m, width in widths.items()})

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Attended features of each modality from its features; `valid` is (B, K, 1) of 0, 1."""
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
        """What passes of that which is added to the features: nothing where padded.

        In training it is dropout as well. Drawn for all modalities at once, it is one factor for
        both; and drawn from uniform numbers, which come several times as fast on some processors.
        """
        if not self.training:
            return valid.expand_as(joint)
        drawn = torch.rand(joint.shape, device=joint.device)
        return (drawn >= DROPOUT) * (valid / (1 - DROPOUT))


class Released(FusionModule):
    """The layers in turn, then concatenation."""

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

        `valid` (B, K) is true for the frames that are not padding. Raises `ValueError` for windows
        of another length than the module was built for.
        """
        require_frames(valid, self.frames)
        rows = {m: values.mT.contiguous() for m, values in masked(x, valid).items()}
        mask = valid[:, :, None].to(next(iter(rows.values())).dtype)
        for layer in self.layers:
            rows = layer(rows, mask)
        return torch.cat(list(rows.values()), dim=2).mT
