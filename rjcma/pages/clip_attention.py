"""The attention of a clip's page: a script per window and target, loaded when the window is shown.

A window's matrices are one grey picture (PNG, without loss): a row for each recursion, a column for
each modality. The page gives the colours, so they follow the theme, and it reads the values back.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from rjcma.attention.stored import UNIT, ZERO, Attention
from rjcma.pages.clip_view import ClipView
from rjcma.pages.site import Site, data_address

NOT_AT_HAND = "The attention was not at hand when this page was made."
NONE_KEPT = "No attention was kept (runs.attention in params.yaml)."


def attention_of(view: ClipView, site: Site) -> list[dict[str, Any]]:
    """What the page's scripts read; the pictures are written beside it."""
    return [
        _of_target(view, each, n, site)
        for n, each in enumerate(view.attention or ())
        if shown(each)
    ]


def shown(attention: Attention) -> bool:
    """Whether there is anything to show."""
    return len(attention.windows) > 0


def why_none(view: ClipView) -> str:
    """Why the page shows no attention; empty if it shows some."""
    if not view.attention:
        return NOT_AT_HAND
    if any(shown(each) for each in view.attention):
        return ""
    others = sorted({e.fusion for e in view.attention if not e.fusion.startswith("rjcma")})
    if others:
        return f"The fusion {', '.join(others)} correlates no frames with frames: only rjcma does."
    return NONE_KEPT


def sheet(matrices: NDArray[np.uint8]) -> bytes:
    """The matrices of a window, (L, M, n, n), as one PNG of L rows and M columns."""
    recursions, modalities, cells, _ = matrices.shape
    picture = matrices.swapaxes(1, 2).reshape(recursions * cells, modalities * cells)
    done, content = cv2.imencode(".png", picture)
    assert done
    return bytes(content)


def _of_target(view: ClipView, attention: Attention, number: int, site: Site) -> dict[str, Any]:
    return {
        "target": attention.target,
        "fold": attention.fold,
        "trained": attention.trained,
        "modalities": attention.modalities,
        "recursions": attention.matrices.shape[1],
        "step": attention.step,
        "zero": ZERO,
        "unit": UNIT,
        "all_windows": attention.all_windows,
        "windows": list(_windows(view, attention, number, site)),
    }


def _windows(
    view: ClipView, attention: Attention, number: int, site: Site
) -> Iterator[dict[str, Any]]:
    for place, ((start, stop), matrices) in enumerate(
        zip(attention.windows.tolist(), attention.matrices, strict=True)
    ):
        name = f"clips/{view.clip.name}/attention-{number}-{place}"
        cells = -(-(stop - start) // attention.step)
        picture = base64.b64encode(sheet(matrices[..., :cells, :cells])).decode()
        site.data(name, picture)
        yield {
            "start": start,
            "stop": stop,
            "cells": cells,
            "name": name,
            "script": data_address(name),
        }
