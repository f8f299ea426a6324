"""The checks of one clip: what makes it unusable, and what is only noted."""

from __future__ import annotations

import numpy as np

from rjcma.corpus.crops import Crops
from rjcma.corpus.findings import Findings
from rjcma.corpus.labels import Labels
from rjcma.corpus.layout import Place
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import EXCLUDE
from rjcma.problem import Problem


def refuse(place: Place, probe: Probe, frames: int, crops: Crops | None, tolerance: float) -> None:
    """Raise `Problem` for a clip whose files do not belong together.

    `frames` is T, `tolerance` is in seconds. If the annotation is longer or shorter than the video
    by more than this, or the crops go on for longer, they belong to another video, or the video is
    cut off. A video that is cut off and has no annotation to compare it with is refused too.
    """
    slack = tolerance * probe.fps
    if abs(frames - probe.decoded) > slack:
        raise Problem(
            clip=place.name,
            file=place.annotation or place.video,
            found=f"{frames} rows, {seconds(frames - probe.decoded, probe.fps)}",
            expected=f"about the {probe.decoded} frames that {place.video.name} decodes to"
            f"{' (the file is cut off)' if probe.cut else ''}, within {tolerance:g} s",
            cure=f"replace the wrong one of the two, raise corpus.tolerance, {EXCLUDE}",
        )
    if probe.cut and place.annotation is None:
        raise Problem(
            clip=place.name,
            file=place.video,
            found=f"a file that is cut off after {probe.decoded} frames",
            expected="a complete video",
            cure=f"copy the video again, {EXCLUDE}",
        )
    refuse_crops(place, probe, max(frames, probe.decoded), crops, tolerance)


def refuse_crops(
    place: Place, probe: Probe, last: int, crops: Crops | None, tolerance: float
) -> None:
    """Raise `Problem` for crops of frames beyond the `last` by more than `tolerance` seconds."""
    slack = tolerance * probe.fps
    if crops and crops.last - last > slack:
        raise Problem(
            clip=place.name,
            file=crops.folder,
            found=f"a crop of frame {crops.last}",
            expected=f"at most {last}, the clip's frames, within {tolerance:g} s",
            cure=f"replace the wrong one of the two, raise corpus.tolerance, {EXCLUDE}",
        )


def note(
    place: Place,
    probe: Probe,
    frames: int,
    labels: Labels | None,
    crops: Crops | None,
    findings: Findings,
    finds_faces: bool = False,
) -> None:
    """Note what is unusual about a clip that can be used."""
    name, fps = place.name, probe.fps
    if not probe.sound:
        findings.note("no audio stream: taken as silence", name)
    if probe.times is not None:
        detail = f"{fps:.2f} fps on average"
        findings.note("irregular frame times: the container's are used", name, detail)
    if probe.falling:
        findings.note("frame times that go backwards: k / fps is used", name, f"{fps:.2f} fps")
    if place.annotation and frames != probe.decoded:
        what = "annotations longer (+) or shorter (-) than their video, in frames"
        findings.note(what, name, f"{frames - probe.decoded:+d}")
    if probe.damaged:
        findings.note("damaged packets in the video", name, str(probe.damaged))
    if probe.cut:
        findings.note("the video's file is cut off, but has enough frames", name)
    _note_duration(name, probe, findings)
    if labels is not None and np.isnan(labels).all():
        findings.note("no frame is labelled", name)
    if crops is None:
        todo = "faces are looked for in the video" if finds_faces else "every frame is black"
        findings.note(f"no face crops: {todo}", name)
    elif crops.last > frames:
        findings.note("crops beyond the last frame are not used", name, f"to {crops.last}")


def _note_duration(name: str, probe: Probe, findings: Findings) -> None:
    """Note a container that declares over a second more than can be decoded (ours)."""
    last = probe.times[-1] if probe.times else (probe.decoded - 1) / probe.fps
    if probe.declared is not None and probe.declared - last > 1 + 1 / probe.fps:
        detail = f"{last + 1 / probe.fps:.1f} of {probe.declared:.1f} s"
        findings.note("shorter than the container says (cut off?)", name, detail)


def seconds(frames: int, fps: float) -> str:
    """A number of frames as a difference in seconds.

    >>> seconds(-50, 25.0)
    '2.0 s too few'
    """
    return f"{abs(frames) / fps:.1f} s too {'few' if frames < 0 else 'many'}"
