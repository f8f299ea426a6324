"""The whole network (paper, figure 2): encoder and TCN a modality, fusion, regression layers.

The encoders are handed in: any module from a frame's value to a vector, with its `width`.
"""

from __future__ import annotations

import pkgutil
from collections.abc import Mapping

from torch import Tensor, nn

from rjcma.fusion.head import Head
from rjcma.fusion.modality_dropout import ModalityDropout
from rjcma.fusion.module import FusionModule
from rjcma.fusion.settings import Fusion
from rjcma.fusion.tcn import BLOCKS, TCN


class Network(nn.Module):
    """From the values of a window's frames to a prediction a frame."""

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        dropouts: Mapping[str, nn.Module],
        tcns: Mapping[str, nn.Module],
        fusion: FusionModule,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.encoders, self.dropouts = nn.ModuleDict(encoders), nn.ModuleDict(dropouts)
        self.tcns, self.fusion, self.head = nn.ModuleDict(tcns), fusion, head

    def forward(self, values: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """Predictions (B, K) for windows whose frames `valid` (B, K) are not padding.

        `values` holds, a modality, the values of the valid frames only, window after window:
        (N, ...) with N the number of true entries. Padded frames never reach an encoder.
        """
        vectors = {m: self.encode(m, values[m], valid) for m in self.encoders}
        features = {m: self.tcns[m](self.dropouts[m](vectors[m])) for m in vectors}
        return self.head(self.fusion(features, valid))

    def encode(self, modality: str, values: Tensor, valid: Tensor) -> Tensor:
        """The modality's vectors in their places, (B, d, K); zeros where padded."""
        vectors = self.encoders[modality](values)  # (N, d)
        placed = vectors.new_zeros(*valid.shape, vectors.shape[1])
        return placed.masked_scatter(valid[..., None], vectors).mT


def build(
    encoders: Mapping[str, nn.Module], settings: Fusion, *, recursions: int, frames: int
) -> Network:
    """The network of section `fusion` around these encoders, for windows of `frames` frames."""
    widths = {m: getattr(settings.widths, m) for m in encoders}
    dropouts = {m: ModalityDropout(getattr(settings.modality_dropout, m)) for m in encoders}
    tcns = {
        m: TCN(int(encoders[m].width), [widths[m]] * BLOCKS, settings.dropout)  # type: ignore[arg-type]
        for m in encoders
    }
    kind: type[FusionModule] = pkgutil.resolve_name(settings.implementation)
    fusion = kind.of(settings, widths=widths, frames=frames, recursions=recursions)
    head = Head(fusion.width, settings.hidden, settings.dropout)
    return Network(encoders, dropouts, tcns, fusion, head)
