"""The training windows of an epoch."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from rjcma.training.data import Piece
from rjcma.training.sources import Source
from rjcma.training.windows import Window, Windows, fixed, random


def drawn(
    sources: Sequence[Source], windows: Windows, generator: np.random.Generator
) -> tuple[list[Piece], int]:
    """An epoch's training windows, shuffled, and how many were left out for want of labels.

    A window needs two labelled frames, since there is no CCC of one.

    Where random windows happen to miss every label, fixed ones, which reach all frames, are taken.
    """
    cut = [fixed(source.clip.frames, windows) for source in sources]
    if windows.offsets == "random":
        places = [random(source.clip.frames, windows, generator) for source in sources]
        pieces = _labelled(sources, places) or _labelled(sources, cut)
    else:
        pieces = _labelled(sources, cut)
    order = generator.permutation(len(pieces))
    return [pieces[n] for n in order], sum(map(len, cut)) - len(pieces)


def _labelled(sources: Sequence[Source], windows: Sequence[Sequence[Window]]) -> list[Piece]:
    pieces = [Piece(s, window) for s, some in zip(sources, windows, strict=True) for window in some]
    return [piece for piece in pieces if piece.source.labelled[slice(*piece.window)].sum() > 1]
