"""The audit: every clip of a corpus is examined before any long computation.

What is unusual but usable becomes a note, and what cannot be used a problem; all notes and problems
are collected before any is printed. Nothing is written while there is a problem: to continue
without a clip, the user names it in `corpus.exclude`, so that no clip is left out silently.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import NamedTuple, TypeVar

import numpy as np

from rjcma.annotations import read as ratings
from rjcma.annotations.raters import WHOLE
from rjcma.annotations.read import Rated
from rjcma.annotations.times import Rating
from rjcma.corpus import annotation, checks, clip_list, folds, layout, reading
from rjcma.corpus.crops import Crops
from rjcma.corpus.findings import Findings
from rjcma.corpus.labels import Labels
from rjcma.corpus.layout import Place
from rjcma.corpus.probe import Probe
from rjcma.corpus.settings import AffWild2, ClipList, Corpus
from rjcma.corpus.stretches import Stretch, note_overlaps, stretch_of
from rjcma.jobs.memory import Memory
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.timeline import frame_times

T = TypeVar("T")


class Wanted(NamedTuple):
    """What of the other sections of a params file a corpus must have data for."""

    modalities: Collection[str] = ()
    """Those that the network is trained on."""
    folds: Collection[int] = ()
    """The folds that are run."""
    finds_faces: bool = False
    """Whether faces are found in videos without crops."""


NOTHING = Wanted()


@dataclass
class Audit:
    """The result of an audit."""

    clips: list[Clip] = field(default_factory=list)
    """The clips that can be used, sorted by name."""
    labels: dict[str, Labels] = field(default_factory=dict)
    """By name of an annotated clip, (T, targets)."""
    rated: dict[str, Rated] = field(default_factory=dict)
    """By name of a clip of a list, how its raters became one."""
    findings: Findings = field(default_factory=Findings)

    def ranges(self, targets: Sequence[str]) -> dict[str, tuple[float, float]]:
        """The range of each target in the corpus's own units, as its first clip has it."""
        first = next((rated.ranges for rated in self.rated.values()), {})
        return {target: first.get(target, WHOLE) for target in targets}


def audit(corpus: Corpus, memory: Memory, wanted: Wanted = NOTHING) -> Audit:
    """Examine a corpus: read each annotation, decode each video, look at the crops.

    Raises `Problem` if no clip can be examined (a folder is missing); problems of single clips, or
    of all clips together, are in the findings.
    """
    root, result = Path(corpus.root), Audit()
    layout.refuse_root(root, corpus)
    if isinstance(corpus, ClipList):
        places = clip_list.survey(root, corpus, result.findings)
    else:
        places = layout.survey(root, corpus, result.findings)
    probes = reading.videos(root, {place.video for place in places}, memory)
    faces = reading.faces(root, {place.faces for place in places if place.faces}, memory)
    for place in places:
        try:
            probe = _usable(place.name, probes[place.video])
            crops = _usable(place.name, faces[place.faces]) if place.faces else None
            clip, labels = _examine(place, probe, crops, corpus, result, wanted)
        except Problem as problem:
            result.findings.problem(problem)
            continue
        result.clips.append(clip)
        if labels is not None:
            result.labels[clip.name] = labels
    _check_targets(result, corpus)
    examine_together(result, corpus, wanted)
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
    place: Place,
    probe: Probe,
    crops: Crops | None,
    corpus: Corpus,
    result: Audit,
    wanted: Wanted,
) -> tuple[Clip, Labels | None]:
    """One clip and its labels. Raises `Problem` if the clip cannot be used."""
    findings = result.findings
    root = Path(corpus.root)
    crops = crops if crops and crops.last else None
    if isinstance(corpus, AffWild2):
        labels = annotation.read(place.annotation, place.name) if place.annotation else None
        stretch = Stretch(0, probe.decoded if labels is None else len(labels))
        checks.refuse(place, probe, stretch.frames, crops, corpus.tolerance)
    else:
        stretch = stretch_of(place, probe, corpus.tolerance)
        checks.refuse_crops(place, probe, stretch.frames, crops, corpus.tolerance)
        labels = _rated(place, probe, stretch, corpus, result)
    checks.note(place, probe, stretch.frames, labels, crops, findings, wanted.finds_faces)
    clip = Clip(
        name=place.name,
        video=place.stem,
        partition=place.partition,
        fps=probe.fps,
        frames=stretch.frames,
        file=place.video.relative_to(root).as_posix(),
        video_digest=probe.digest,
        decoded=probe.decoded,
        times=probe.times,
        faces=crops.folder.relative_to(root).as_posix() if crops else None,
        faces_digest=crops.digest if crops else "",
        sound=probe.sound,
        stretch=place.is_stretch,
        first=stretch.first,
        group=place.group,
        person=place.person,
        details=dict(place.details),
    )
    return clip, labels


def _rated(
    place: Place, probe: Probe, stretch: Stretch, corpus: ClipList, result: Audit
) -> Labels | None:
    """The labels of a clip of a list; None for a test clip."""
    if place.partition == "test":
        if place.rating:
            what = "test clips with an annotation, which is not used"
            result.findings.note(what, place.name)
        return None
    times = frame_times(stretch.first + stretch.frames, probe.fps, probe.times)[stretch.first :]
    rating = Rating(
        clip=place.name,
        root=Path(corpus.root),
        annotation=place.rating,
        video=place.stem,
        first=stretch.first,
        times=times,
        start=place.start or 0.0,
        fps=probe.fps,
        video_seconds=float(frame_times(probe.decoded + 1, probe.fps, probe.times)[probe.decoded]),
    )
    rated = ratings.read(rating, corpus.annotations, corpus.targets)
    for what, detail in rated.notes:
        result.findings.note(what, place.name, detail)
    if rated.ranges != result.ranges(corpus.targets) and result.rated:
        what = "scales unlike the first clip's; predictions are in the first clip's"
        result.findings.note(what, place.name)
    result.rated[place.name] = rated
    return rated.labels


def _check_targets(result: Audit, corpus: Corpus) -> None:
    """Add a problem for each target that is annotated in no clip, if clips were read at all."""
    if result.findings.problems or not result.labels:
        return
    for column, target in enumerate(corpus.targets):
        if all(np.isnan(values[:, column]).all() for values in result.labels.values()):
            result.findings.problem(
                Problem(
                    file="corpus.targets",
                    found=f"no labelled frame of {target} in any clip",
                    expected="each target in at least one clip",
                    cure="remove it from corpus.targets (and runs.targets), or correct"
                    " corpus.annotations",
                )
            )


def examine_together(result: Audit, corpus: Corpus, wanted: Wanted) -> None:
    """Examine all clips together: shared videos, folds, modalities without any data.

    What is found is added to the findings; no file of the corpus is read.
    """
    clips, findings = result.clips, result.findings
    for video, names in sorted(shared(clips).items()):
        findings.note("clips of the same video (they stay in one fold)", video, "/".join(names))
    official = {clip.together for clip in clips if clip.partition == "validation"}
    for clip in clips:
        if clip.partition == "train" and clip.together in official:
            what = "training clips added to the validation clips of their video or group"
            findings.note(what, clip.name)
    if clips and not official and isinstance(corpus.folds, int):
        what = "no validation clips: each fold validates on a part of the training clips"
        findings.note(what, f"{corpus.folds} folds")
    note_overlaps(clips, findings)
    if clips:
        _check_modalities(clips, corpus, wanted, findings)
    if not findings.problems:
        try:
            for number in wanted.folds or [0]:
                folds.fold(clips, corpus.folds, number)
        except Problem as problem:
            findings.problem(problem)


def shared(clips: list[Clip]) -> dict[str, list[str]]:
    """The names of the clips of each video that has more than one."""
    names: dict[str, list[str]] = defaultdict(list)
    for clip in clips:
        names[clip.video].append(clip.name)
    return {video: clips for video, clips in names.items() if len(clips) > 1}


DETECT = "set faces.detector to find faces in the videos, or "


def _check_modalities(
    clips: list[Clip], corpus: Corpus, wanted: Wanted, findings: Findings
) -> None:
    """Add a problem if a modality is to be used, but no clip has data of it."""
    modalities = wanted.modalities
    faces = wanted.finds_faces or any(clip.faces for clip in clips)
    sound = any(clip.sound for clip in clips)
    silent = [] if sound else [m for m in modalities if m in ("audio", "text")]
    unseen = [] if faces else [m for m in modalities if m == "visual"]
    rest = [m for m in modalities if m not in silent + unseen]
    if not faces and corpus.faces:
        findings.problem(_no_faces(corpus))
    elif unseen:
        findings.problem(_no_data("corpus.faces", "no face crops", unseen, rest, DETECT))
    if silent:
        found = "no video with an audio stream"
        key = "corpus.videos" if isinstance(corpus, AffWild2) else "corpus.list"
        findings.problem(_no_data(key, found, silent, rest))


def _no_data(key: str, found: str, wanted: list[str], rest: list[str], other: str = "") -> Problem:
    return Problem(
        file=key,
        found=f"{found} in the whole corpus",
        expected=f"data to train on, since fusion.modalities has {' and '.join(wanted)}",
        cure=f"{other}set fusion.modalities: [{', '.join(rest)}] to go on without it"
        if rest
        else f"{other}correct the paths in the section corpus",
    )


def _no_faces(corpus: Corpus) -> Problem:
    return Problem(
        file="corpus.faces",
        found=f"no face crop of any clip in {', '.join(corpus.faces)}",
        expected="folders with one folder of crops per clip, <clip>/00001.jpg",
        cure="correct corpus.faces, or set it to [] if there are no crops",
    )
