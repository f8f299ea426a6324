"""The audit: every clip of a corpus is examined before hours are spent on any.

What is unusual but usable becomes a note, what cannot be used a problem; all of both are found
before anything is said. Nothing is written while there is a problem: the way to go on without
a clip is to name it in `corpus.exclude`, so that no clip goes missing silently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeVar

from rjcma.corpus import annotation, checks, folds, layout, reading
from rjcma.corpus.annotation import Labels
from rjcma.corpus.crops import Crops
from rjcma.corpus.findings import Findings
from rjcma.corpus.layout import Place
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import Corpus
from rjcma.jobs.memory import Memory
from rjcma.manifest import Clip
from rjcma.problem import Problem

T = TypeVar("T")


@dataclass
class Audit:
    """A corpus as it was found."""

    clips: list[Clip] = field(default_factory=list)
    """The clips that can be used, sorted by name."""
    labels: dict[str, Labels] = field(default_factory=dict)
    """Of each annotated one, (T, 2)."""
    findings: Findings = field(default_factory=Findings)


def audit(corpus: Corpus, memory: Memory, modalities: Collection[str] = ()) -> Audit:
    """Examine a corpus: read each annotation, decode each video, look at the crops.

    `modalities` are those that the network is to learn from. Raises `Problem` where nothing can be
    said of any clip (a folder that is not there); what is wrong with single clips, or with all of
    them together, stands in the findings.
    """
    root, found = Path(corpus.root), Audit()
    places = layout.survey(root, corpus, found.findings)
    probes = reading.videos(root, {place.video for place in places}, memory)
    faces = reading.faces(root, {place.faces for place in places if place.faces}, memory)
    for place in places:
        try:
            probe = _usable(place.name, probes[place.video])
            crops = _usable(place.name, faces[place.faces]) if place.faces else None
            clip, labels = _examine(root, place, probe, crops, corpus, found.findings)
        except Problem as problem:
            found.findings.problem(problem)
            continue
        found.clips.append(clip)
        if labels is not None:
            found.labels[clip.name] = labels
    _examine_together(found, corpus, modalities)
    return found


def _usable(clip: str, result: T | Problem) -> T:
    """What was read; or its problem raised, as one of this clip."""
    if isinstance(result, Problem):
        raise Problem(
            clip=clip,
            file=result.file,
            found=result.found,
            expected=result.expected,
            cure=result.cure,
        )
    return result


def _examine(
    root: Path,
    place: Place,
    probe: Probe,
    crops: Crops | None,
    corpus: Corpus,
    findings: Findings,
) -> tuple[Clip, Labels | None]:
    """One clip and its labels. Raises `Problem` where it cannot be used."""
    labels = annotation.read(place.annotation, place.name) if place.annotation else None
    crops = crops if crops and crops.last else None
    frames = probe.decoded if labels is None else len(labels)
    checks.refuse(place, probe, frames, crops, corpus.tolerance)
    checks.note(place, probe, labels, crops, findings)
    clip = Clip(
        name=place.name,
        video=place.video.stem,
        partition=place.partition,
        fps=probe.fps,
        frames=frames,
        file=place.video.relative_to(root).as_posix(),
        video_digest=probe.digest,
        decoded=probe.decoded,
        times=probe.times,
        faces=crops.folder.relative_to(root).as_posix() if crops else None,
        faces_digest=crops.digest if crops else "",
        sound=probe.sound,
    )
    return clip, labels


def _examine_together(found: Audit, corpus: Corpus, modalities: Collection[str]) -> None:
    """What only shows over all clips: shared videos, folds, a modality without any data."""
    clips, findings = found.clips, found.findings
    for video, names in sorted(shared(clips).items()):
        findings.note("videos that clips share (they stay in one fold)", video, "/".join(names))
    validated = {clip.video for clip in clips if clip.partition == "validation"}
    for clip in clips:
        if clip.partition == "train" and clip.video in validated:
            findings.note("training clips that join the validation clips of their video", clip.name)
    if clips:
        _refuse_nothing(clips, corpus, modalities, findings)
    if not findings.problems:
        try:
            folds.split(clips, corpus.folds)
        except Problem as problem:
            findings.problem(problem)


def shared(clips: list[Clip]) -> dict[str, list[str]]:
    """The names of the clips of each video that has more than one."""
    names: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        names[clip.video].append(clip.name)
    return {video: clips for video, clips in names.items() if len(clips) > 1}


def _refuse_nothing(
    clips: list[Clip], corpus: Corpus, modalities: Collection[str], findings: Findings
) -> None:
    """A problem for what is asked for and is there of no clip."""
    faces, sound = any(clip.faces for clip in clips), any(clip.sound for clip in clips)
    silent = [] if sound else [m for m in modalities if m in ("audio", "text")]
    unseen = [] if faces else [m for m in modalities if m == "visual"]
    rest = [m for m in modalities if m not in silent + unseen]
    if not faces and corpus.faces:
        findings.problem(_no_faces(corpus))
    elif unseen:
        findings.problem(_nothing("corpus.faces", "no face crops", unseen, rest))
    if silent:
        found = "no video with an audio stream"
        findings.problem(_nothing("corpus.videos", found, silent, rest))


def _nothing(key: str, found: str, wanted: list[str], rest: list[str]) -> Problem:
    return Problem(
        file=key,
        found=f"{found} in the whole corpus",
        expected=f"something to learn from, since fusion.modalities has {' and '.join(wanted)}",
        cure=f"set fusion.modalities: [{', '.join(rest)}] to go on without it"
        if rest
        else "name what there is in the section corpus",
    )


def _no_faces(corpus: Corpus) -> Problem:
    return Problem(
        file="corpus.faces",
        found=f"no face crop of any clip in {', '.join(corpus.faces)}",
        expected="folders that hold a folder of crops a clip, <clip>/00001.jpg",
        cure="correct corpus.faces, or set it to [] where there are no crops",
    )
