"""The audit: every clip of a corpus is examined before any long computation.

What is unusual but usable becomes a note, and what cannot be used a problem; all notes and problems
are collected before any is printed. Nothing is written while there is a problem: to continue
without a clip, the user names it in `corpus.exclude`, so that no clip is left out silently.
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
    """The result of an audit."""

    clips: list[Clip] = field(default_factory=list)
    """The clips that can be used, sorted by name."""
    labels: dict[str, Labels] = field(default_factory=dict)
    """By name of an annotated clip, (T, 2)."""
    findings: Findings = field(default_factory=Findings)


def audit(corpus: Corpus, memory: Memory, modalities: Collection[str] = ()) -> Audit:
    """Examine a corpus: read each annotation, decode each video, look at the crops.

    `modalities` are those that the network is trained on. Raises `Problem` if no clip can be
    examined (a folder is missing); problems of single clips, or of all clips together, are in the
    findings.
    """
    root, result = Path(corpus.root), Audit()
    places = layout.survey(root, corpus, result.findings)
    probes = reading.videos(root, {place.video for place in places}, memory)
    faces = reading.faces(root, {place.faces for place in places if place.faces}, memory)
    for place in places:
        try:
            probe = _usable(place.name, probes[place.video])
            crops = _usable(place.name, faces[place.faces]) if place.faces else None
            clip, labels = _examine(root, place, probe, crops, corpus, result.findings)
        except Problem as problem:
            result.findings.problem(problem)
            continue
        result.clips.append(clip)
        if labels is not None:
            result.labels[clip.name] = labels
    examine_together(result, corpus, modalities)
    return result


def _usable(clip: str, result: T | Problem) -> T:
    """The result itself; if it is a `Problem`, raise it as a problem of this clip."""
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
    """One clip and its labels. Raises `Problem` if the clip cannot be used."""
    labels = annotation.read(place.annotation, place.name) if place.annotation else None
    crops = crops if crops and crops.last else None
    frames = probe.decoded if labels is None else len(labels)
    checks.refuse(place, probe, frames, crops, corpus.tolerance)
    checks.note(place, probe, labels, crops, findings)
    clip = Clip(
        name=place.name,
        video=place.stem,
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


def examine_together(result: Audit, corpus: Corpus, modalities: Collection[str]) -> None:
    """Examine all clips together: shared videos, folds, modalities without any data.

    What is found is added to the findings; no file of the corpus is read.
    """
    clips, findings = result.clips, result.findings
    for video, names in sorted(shared(clips).items()):
        findings.note("clips of the same video (they stay in one fold)", video, "/".join(names))
    validation_videos = {clip.video for clip in clips if clip.partition == "validation"}
    for clip in clips:
        if clip.partition == "train" and clip.video in validation_videos:
            findings.note("training clips added to the validation clips of their video", clip.name)
    if clips:
        _check_modalities(clips, corpus, modalities, findings)
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


def _check_modalities(
    clips: list[Clip], corpus: Corpus, modalities: Collection[str], findings: Findings
) -> None:
    """Add a problem if a modality is to be used, but no clip has data of it."""
    faces, sound = any(clip.faces for clip in clips), any(clip.sound for clip in clips)
    silent = [] if sound else [m for m in modalities if m in ("audio", "text")]
    unseen = [] if faces else [m for m in modalities if m == "visual"]
    rest = [m for m in modalities if m not in silent + unseen]
    if not faces and corpus.faces:
        findings.problem(_no_faces(corpus))
    elif unseen:
        findings.problem(_no_data("corpus.faces", "no face crops", unseen, rest))
    if silent:
        found = "no video with an audio stream"
        findings.problem(_no_data("corpus.videos", found, silent, rest))


def _no_data(key: str, found: str, wanted: list[str], rest: list[str]) -> Problem:
    return Problem(
        file=key,
        found=f"{found} in the whole corpus",
        expected=f"data to train on, since fusion.modalities has {' and '.join(wanted)}",
        cure=f"set fusion.modalities: [{', '.join(rest)}] to go on without it"
        if rest
        else "correct the paths in the section corpus",
    )


def _no_faces(corpus: Corpus) -> Problem:
    return Problem(
        file="corpus.faces",
        found=f"no face crop of any clip in {', '.join(corpus.faces)}",
        expected="folders with one folder of crops per clip, <clip>/00001.jpg",
        cure="correct corpus.faces, or set it to [] if there are no crops",
    )
