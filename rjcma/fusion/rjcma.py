"""Recursive joint cross-modal attention (RJCMA): equations 1 to 14 of the paper, section 3.4.

    paper            here              shape         what it is
    K                frames                          frames of a window
    m in {a, v, t}   modality                        audio, visual, text (those that are used)
    d_m              widths[modality]                features per frame of a modality
    d                sum of widths                   features per frame of all modalities
    X_m              x[modality]       (B, d_m, K)   a modality's features
    J                j                 (B, d, K)     the joint representation
    W_jm             w_j[modality]     (d_m, d)      weights between X_m and J
    W_jm J / sqrt d  w_jm_j            (B, d_m, K)   for all modalities in one product, w_j_j
    C_m              c                 (B, K, K)     joint cross-correlation, X_m's frames by J's
    W_cm             w_c[modality]     (K, K)        weights that combine X_m and C_m
    H_m              h                 (B, d_m, K)   attention map
    W_hm             w_h[modality]     (K, K)        weights that apply the attention map
    X_att,m          attended          (B, d_m, K)   attended features
    l                recursions                      number of times the attention is applied

Each frame is a column, (batch, d_m, K), as in the paper, so every line of code below reads like its
equation. Where the paper says nothing:

- Each recursion has its own weights, including W_j and FC (the superscripts of equations 11 to 13,
  and the released code). It computes J again, from the features that it receives ("again fed as
  input to the respective joint cross-modal attention module").
- W_c is initialised as I / K and W_h as 0.1 I (ours). Both mix frames by their position in the
  window. Random K x K weights overfit when there are few windows, and recursion amplifies this.
- Padded frames are columns of zeros in X, and J is set to zero there too. C and H are then zero in
  these columns, and no valid frame's output depends on them.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from rjcma.fusion.module import FusionModule, masked, require_frames
from rjcma.fusion.products import PerFrame, per_frame
from rjcma.fusion.settings import RJCMASettings


class JointCrossAttention(nn.Module):
    """One recursion, equations 1 to 10, for windows of `frames` frames."""

    def __init__(self, widths: Mapping[str, int], frames: int) -> None:
        super().__init__()
        self.d = d = sum(widths.values())
        self.fc = PerFrame(d, d)
        self.w_j = nn.ParameterDict(
            {m: torch.randn(width, d) / math.sqrt(d) for m, width in widths.items()}
        )
        self.w_c = nn.ParameterDict({m: torch.eye(frames) / frames for m in widths})
        self.w_h = nn.ParameterDict({m: torch.eye(frames) * 0.1 for m in widths})

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> dict[str, Tensor]:
        """Attended features of each modality, from its features X; `valid` (B, 1, K) is 0 or 1."""
        j = self.fc(torch.cat(list(x.values()), dim=1)) * valid  # (1)
        w_j = torch.cat([self.w_j[m] for m in x])
        w_j_j = per_frame(w_j / math.sqrt(self.d), j).split([x[m].shape[1] for m in x], dim=1)
        attended = {}
        for m, w_jm_j in zip(x, w_j_j, strict=True):
            c = torch.tanh(x[m].mT @ w_jm_j)  # (2) (3) (4)
            h = torch.relu(x[m] @ self.w_c[m] @ c)  # (5) (6) (7)
            attended[m] = (h @ self.w_h[m] + x[m]) * valid  # (8) (9) (10)
        return attended


class RJCMA(FusionModule):
    """The attention applied `recursions` times, then concatenation: equations 11 to 14."""

    @classmethod
    def of(
        cls, settings: RJCMASettings, *, widths: Mapping[str, int], frames: int, recursions: int
    ) -> RJCMA:
        return cls(widths, frames=frames, recursions=recursions)

    def __init__(self, widths: Mapping[str, int], frames: int, recursions: int) -> None:
        super().__init__()
        self.frames = frames
        self.width = sum(widths.values())
        steps = [JointCrossAttention(widths, frames) for _ in range(recursions)]
        self.recursions = nn.ModuleList(steps)

    def temporal_weights(self) -> list[nn.Parameter]:
        """All W_c and W_h."""
        mixing = ("w_c", "w_h")
        return [weight for name, weight in self.named_parameters() if name.split(".")[-2] in mixing]

    def forward(self, x: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """The multimodal representation (B, d, K), from each modality's features (B, d_m, K).

        `valid` (B, K) is false for padded frames. Raises `ValueError` unless the windows have the
        length that the module was built for.
        """
        require_frames(valid, self.frames)
        mask = valid[:, None].to(next(iter(x.values())).dtype)
        attended = masked(x, valid)
        for attention in self.recursions:
            attended = attention(attended, mask)  # (11) (12) (13)
        return torch.cat(list(attended.values()), dim=1)  # (14)
