"""The whole network (paper, figure 2): encoder and TCN per modality, fusion, regression layers.

The caller gives the encoders. An encoder is any module that turns a frame's value (a face, a
log-mel window or a vector) into a vector, and has the length of this vector as its `width`.
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
    """From the values of a window's frames to one prediction per frame."""

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
        """Predictions (B, K) for B windows; `valid` (B, K) is false for padded frames.

        `values` holds, for each modality, the values of the valid frames only, window after window:
        (N, ...) with N the number of true entries in `valid`. Encoders never see padded frames.
        """
        vectors = {m: self.encode(m, values[m], valid) for m in self.encoders}
        features = {m: self.tcns[m](self.dropouts[m](vectors[m])) for m in vectors}
        return self.head(self.fusion(features, valid))

    def encode(self, modality: str, values: Tensor, valid: Tensor) -> Tensor:
        """The modality's vectors, each at the position of its frame, (B, d, K); 0 where padded."""
        vectors = self.encoders[modality](values)  # (N, d)
        padded = vectors.new_zeros(*valid.shape, vectors.shape[1])
        return padded.masked_scatter(valid[..., None], vectors).mT


def build(
    encoders: Mapping[str, nn.Module], settings: Fusion, *, recursions: int, frames: int
) -> Network:
    """The network of section `fusion` with these encoders, for windows of `frames` frames."""
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
