"""The checks of one clip: what forbids its use, and what is only said."""

from __future__ import annotations

import numpy as np

from rjcma.corpus.annotation import Labels
from rjcma.corpus.crops import Crops
from rjcma.corpus.findings import Findings
from rjcma.corpus.layout import Place
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import EXCLUDE
from rjcma.problem import Problem


def refuse(place: Place, probe: Probe, frames: int, crops: Crops | None, tolerance: float) -> None:
    """Raise `Problem` for a clip whose parts cannot belong together.

    `frames` is T, `tolerance` in seconds. An annotation, or crops, that go further than the video
    by more mean another video, or one that is cut off. A video that is cut off and has no
    annotation to compare it with cannot be trusted at all.
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
            expected="a video to its end",
            cure=f"copy the video anew, {EXCLUDE}",
        )
    most = max(frames, probe.decoded)
    if crops and crops.last - most > slack:
        raise Problem(
            clip=place.name,
            file=crops.folder,
            found=f"a crop of frame {crops.last}",
            expected=f"at most {most}, the video's frames, within {tolerance:g} s",
            cure=f"replace the wrong one of the two, raise corpus.tolerance, {EXCLUDE}",
        )


def note(
    place: Place, probe: Probe, labels: Labels | None, crops: Crops | None, findings: Findings
) -> None:
    """Say what is unusual about a clip that can be used."""
    name, fps = place.name, probe.fps
    frames = probe.decoded if labels is None else len(labels)
    if not probe.sound:
        findings.note("no audio stream: taken as silence", name)
    if probe.times is not None:
        findings.note("irregular frame times: the container's are used", name, f"{fps:.2f} on mean")
    if probe.falling:
        findings.note("frame times that fall back: k / fps is used", name, f"{fps:.2f} fps")
    if frames != probe.decoded:
        what = "annotations longer (+) or shorter (-) than their video, in frames"
        findings.note(what, name, f"{frames - probe.decoded:+d}")
    if probe.damaged:
        findings.note("damaged packets in the video", name, str(probe.damaged))
    if probe.cut:
        findings.note("the video's file is cut off, but its frames suffice", name)
    _note_duration(name, probe, findings)
    if labels is not None and np.isnan(labels).all():
        findings.note("no frame is labelled", name)
    if crops is None:
        findings.note("no face crops: every frame is black", name)
    elif crops.last > frames:
        findings.note("crops beyond the last frame are not used", name, f"to {crops.last}")


def _note_duration(name: str, probe: Probe, findings: Findings) -> None:
    """A container that promises more than can be decoded, by over a second (ours)."""
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
