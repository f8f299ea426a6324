"""The list of the sample's clips, `clips.csv`, for the layouts that name their clips in a list."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from rjcma.sample.cast import Video


def write(
    root: Path,
    videos: Sequence[Video],
    annotation: str,
    further: Callable[[Video], Mapping[str, str]] = lambda video: {},
) -> None:
    """Write a row per clip, sorted by name.

    `annotation` is the path of a clip's annotation, with {clip} for its name; clips for testing
    have none. `further` gives a video's values in further columns.
    """
    rows = [
        {
            "clip": clip,
            "video": f"videos/{video.file}",
            "annotation": "" if video.partition == "test" else annotation.replace("{clip}", clip),
            "partition": video.partition,
            "group": video.name,
            "person": side,
            **further(video),
            "gender": "man" if person.man else "woman",
        }
        for video in videos
        for clip, side, person in zip(video.clips, video.sides, video.people)
    ]
    with open(root / "clips.csv", "w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(rows, key=lambda row: row["clip"]))
