"""Clips that are stretches of a video: their frames, and clips that show the same moments."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from itertools import combinations
from typing import NamedTuple

import numpy as np

from rjcma.corpus.findings import Findings
from rjcma.corpus.layout import Place
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import EXCLUDE
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.timeline import frame_times

ROUNDING = 0.0005
"""Seconds: times in a list are written to the millisecond."""


class Stretch(NamedTuple):
    """Consecutive frames of a video."""

    first: int
    frames: int


def stretch_of(place: Place, probe: Probe, tolerance: float) -> Stretch:
    """The frames of a clip: those with `start <= time < end`; `tolerance` is in seconds.

    Raises `Problem` for a stretch that the video does not have, and for a video that is cut off
    before the clip's end.
    """
    times = frame_times(probe.decoded + 1, probe.fps, probe.times)  # the last one: the video's end
    start, end = place.start or 0.0, times[-1] if place.end is None else place.end
    found = ""
    if start >= times[-1] or end > times[-1] + tolerance:
        found = f"a clip from {start:g} to {end:g} s"
    elif probe.cut and place.end is None:
        found = f"a file that is cut off after {times[-1]:.1f} s"
    first, beyond = np.searchsorted(times[:-1], [start - ROUNDING, end - ROUNDING])
    if not found and first == beyond:
        found = f"no frame from {start:g} to {end:g} s"
    if found:
        raise Problem(
            clip=place.name,
            file=place.video,
            found=found,
            expected=f"a stretch of the video, which has {times[-1]:.1f} s"
            f"{' (the file is cut off)' if probe.cut else ''}",
            cure=f"correct start and end in the list, or the video, {EXCLUDE}",
        )
    return Stretch(int(first), int(beyond - first))


def note_overlaps(clips: Iterable[Clip], findings: Findings) -> None:
    """Examine clips that show the same person at the same moments.

    It is a problem if one is trained on and the other validated or tested on; else a note.
    """
    by_person: dict[tuple[str, object], list[Clip]] = defaultdict(list)
    for clip in clips:
        by_person[clip.video, clip.person].append(clip)
    for same in by_person.values():
        for one, other in combinations(sorted(same, key=lambda clip: (clip.first, clip.name)), 2):
            shared = min(one.first + one.frames, other.first + other.frames) - other.first
            if shared <= 0:
                continue
            seconds = f"{shared / one.fps:.1f} s"
            if one.partition == other.partition:
                what = "clips that show the same person at the same time"
                findings.note(what, one.name, f"and {other.name}, {seconds}")
                continue
            findings.problem(
                Problem(
                    clip=other.name,
                    file=other.file,
                    found=f"{seconds} that clip {one.name} shows too, of the same person;"
                    f" one is a {one.partition} clip, the other a {other.partition} clip",
                    expected="each moment of a person in one partition",
                    cure="correct start, end, person or partition in the list, or name one of them"
                    " in corpus.exclude",
                )
            )
