"""The whole network (paper, figure 2): encoder and TCN a modality, fusion, regression layers.

The encoders are handed in: any module from a frame's value to a vector, with its `width`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from torch import Tensor, nn

from rjcma.fusion.absence import Absent
from rjcma.fusion.concat import Concat
from rjcma.fusion.head import Head
from rjcma.fusion.kind import Kind, Shape
from rjcma.fusion.leader_follower import LeaderFollower
from rjcma.fusion.released import Released
from rjcma.fusion.rjcma import RJCMA
from rjcma.fusion.settings import Fusion
from rjcma.fusion.tcn import BLOCKS, TCN
from rjcma.fusion.transformer import Transformer

VARIANTS = {"paper": RJCMA, "released": Released}
"""Each `fusion.variant` of kind `rjcma`."""

KINDS: dict[str, Callable[[Shape, Fusion], Kind]] = {
    "rjcma": lambda shape, fusion: VARIANTS[fusion.variant](*shape),
    "leader_follower": lambda shape, fusion: LeaderFollower(shape.widths, fusion.dropout),
    "transformer": lambda shape, fusion: Transformer(
        shape.widths, fusion.layers, fusion.heads, fusion.dropout
    ),
    "concat": lambda shape, fusion: Concat(shape.widths),
}
"""Each `fusion.kind`, made from what it is built for and section `fusion`."""


class Network(nn.Module):
    """From the values of a window's frames to a prediction a frame."""

    def __init__(
        self,
        encoders: Mapping[str, nn.Module],
        absences: Mapping[str, nn.Module],
        tcns: Mapping[str, nn.Module],
        fusion: Kind,
        head: nn.Module,
    ) -> None:
        super().__init__()
        self.encoders, self.absences = nn.ModuleDict(encoders), nn.ModuleDict(absences)
        self.tcns, self.fusion, self.head = nn.ModuleDict(tcns), fusion, head

    def forward(self, values: Mapping[str, Tensor], valid: Tensor) -> Tensor:
        """Predictions (B, K) for windows whose frames `valid` (B, K) are not padding.

        `values` holds, a modality, the values of the valid frames only, window after window:
        (N, ...) with N the number of true entries. Padded frames never reach an encoder.
        """
        vectors = {m: self.encode(m, values[m], valid) for m in self.encoders}
        features = {m: self.tcns[m](self.absences[m](vectors[m])) for m in vectors}
        return self.head(self.fusion(features, valid))

    def encode(self, modality: str, values: Tensor, valid: Tensor) -> Tensor:
        """The modality's vectors in their places, (B, d, K); zeros where padded."""
        vectors = self.encoders[modality](values)  # (N, d)
        placed = vectors.new_zeros(*valid.shape, vectors.shape[1])
        return placed.masked_scatter(valid[..., None], vectors).mT


def build(
    encoders: Mapping[str, nn.Module], settings: Fusion, recursions: int, frames: int
) -> Network:
    """The network of section `fusion` around these encoders, for windows of `frames` frames."""
    widths = {m: getattr(settings.widths, m) for m in encoders}
    absences = {m: Absent(getattr(settings.absence, m)) for m in encoders}
    tcns = {
        m: TCN(int(encoders[m].width), [widths[m]] * BLOCKS, settings.dropout)  # type: ignore[arg-type]
        for m in encoders
    }
    fusion = KINDS[settings.kind](Shape(widths, frames, recursions), settings)
    head = Head(fusion.width, settings.hidden, settings.dropout)
    return Network(encoders, absences, tcns, fusion, head)
