"""The data of a clip's page, for its scripts (`assets/clip-*.js`)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import numpy as np

from rjcma.pages import strips
from rjcma.pages.clip_attention import attention_of
from rjcma.pages.clip_view import ClipView
from rjcma.pages.palette import colours, soft_colours
from rjcma.pages.site import Site, plotly_text
from rjcma.timeline import Seconds

UP = "../"
"""From a clip's page to the root of the site."""


def data_of(view: ClipView, site: Site) -> dict[str, Any]:
    """What the page's scripts read; pictures are written beside it.

    Raises `Problem` for features that are damaged.
    """
    clip = view.clip
    return {
        "frames": clip.frames,
        "fps": clip.fps,
        "first": clip.first,
        "times": None if clip.times is None else clip.frame_times().tolist(),
        "targets": targets_of(view),
        "words": words_of(view),
        "faces": _faces(view, site),
        "sound": _sound(view, site),
        "attention": attention_of(view, site) or None,
        "video": {
            "file": view.video,
            "root": view.videos,
            "preview": preview_address(clip.video),
        },
    }


def targets_of(view: ClipView) -> list[dict[str, Any]]:
    """The targets that were run or labelled: name, colours, range and series."""
    targets = [t for t in view.ranges if view.folds.get(t) or view.truth_of(t) is not None]
    # Those that were run are first, so that they have the colours of the front page.
    ordered = sorted(view.ranges, key=lambda target: not view.folds.get(target))
    own, soft = colours(ordered), soft_colours(ordered)
    return [
        {
            "name": target,
            "shown": plotly_text(target),
            "colour": own[target],
            "soft": soft[target],
            "low": view.ranges[target][0],
            "high": view.ranges[target][1],
            "truth": view.truth_of(target),
            "prediction": view.prediction(target),
            "folds": [fold._asdict() for fold in view.folds.get(target, ())],
        }
        for target in targets
    ]


def words_of(view: ClipView) -> dict[str, Any] | None:
    """The words that are spoken during the clip, texts and times; None if there are none.

    Times are not `packed`: rounded, a word might begin after the frame on which it begins.
    """
    if not view.words:
        return None
    first, stop = span(view)
    words = [word for word in view.words if word.end > first and word.start < stop]
    if not words:
        return None
    return {
        "text": [word.text for word in words],
        "start": [word.start for word in words],
        "end": [word.end for word in words],
    }


def span(view: ClipView) -> tuple[Seconds, Seconds]:
    """When the clip's first frame is shown, and when its last one ends."""
    times = view.clip.frame_times()
    return float(times[0]), float(times[-1]) + 1 / view.clip.fps


def preview_address(video: str) -> str:
    """Where a preview of the video is looked for, from the page of a clip.

    >>> preview_address("a#1")
    '../previews/a%231.mp4'
    """
    return f"{UP}previews/{quote(video)}.mp4"


def _faces(view: ClipView, site: Site) -> Mapping[str, Any] | None:
    if view.faces is None:
        return None
    sheets = strips.faces(view.faces, view.clip.fps)
    names = [f"clips/{view.clip.name}/faces-{n}.jpg" for n in range(len(sheets.pictures))]
    pairs = zip(names, sheets.pictures, strict=True)
    return {
        "sheets": [UP + site.asset(name, picture) for name, picture in pairs],
        "kept": sheets.kept.astype(np.int32),
        "columns": min(strips.COLUMNS, max(len(sheets.kept), 1)),
        "per_sheet": strips.COLUMNS * strips.ROWS,
        "side": sheets.side,
        "missing": sheets.missing,
    }


def _sound(view: ClipView, site: Site) -> Mapping[str, Any] | None:
    if view.logmel is None:
        return None
    tiles = []
    for number, tile in enumerate(strips.sound(view.logmel, view.clip.frame_times())):
        name = f"clips/{view.clip.name}/sound-{number}.jpg"
        address = UP + site.asset(name, tile.picture)
        tiles.append({"address": address, "start": tile.start, "stop": tile.stop})
    return {"tiles": tiles}
