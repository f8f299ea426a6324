"""The features of videos of one's own, made by the stages' own work, in a working folder.

The folder has a file per clip or video and feature, each kept by its key as in a stage's folder. A
folder of its own belongs to each set of engines. Files of other videos stay.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Collection, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.audio.extract_all import extract_all
from rjcma.audio.logmel_all import logmel_all
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoded
from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.predict.engines import Engines
from rjcma.predict.videos import ROOT
from rjcma.speech.transcribe_all import transcribe_all
from rjcma.text.embed_all import embed_all
from rjcma.text.punctuate_all import punctuate_all
from rjcma.vision.faces_all import faces_all
from rjcma.vision.model import models


class Places(NamedTuple):
    """The folders of a working folder."""

    root: Path

    @property
    def tracks(self) -> Path:
        return self.root / "tracks"

    @property
    def faces(self) -> Path:
        return self.root / "faces"

    @property
    def audio(self) -> Path:
        return self.root / "audio"

    @property
    def logmel(self) -> Path:
        return self.root / "logmel"

    @property
    def words(self) -> Path:
        return self.root / "words"

    @property
    def transcripts(self) -> Path:
        return self.root / "transcripts"

    def of(self, modality: str) -> Path:
        """The folder of what the networks read of a modality."""
        return self.root / "features" / modality


def look(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    """Find and follow the faces of each clip's video; clips are whole videos here."""
    detector = engines.faces.detector
    assert detector is not None
    settings = {key: value for key, value in keyed(engines.faces).items() if key != "size"}
    jobs = [
        Job(
            clip.name,
            (engines.faces, Path(clip.file), clip),
            {"video": clip.video_digest, "frames": str(clip.frames), "fps": str(clip.fps)},
            clip.frames,
        )
        for clip in clips
    ]
    work = Work(
        "rjcma.predict.looking:look",
        jobs,
        places.tracks,
        ".h5",
        stage="predict",
        settings={"faces": settings},
        models=models(engines.faces),
        implementations=[detector.implementation],
        unit="video",
    )
    _run(work)


def make(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    """Make all that the networks read of these clips."""
    if "visual" in engines.modalities:
        _make_visual(clips, engines, places)
    if engines.modalities & {"audio", "text"}:
        _do(extract_all, clips, ROOT, places.audio)
    if "audio" in engines.modalities:
        _do(logmel_all, clips, places.audio, places.logmel)
        _encode("audio", clips, places.logmel, engines, places)
    if "text" in engines.modalities:
        _make_text(clips, engines, places)


def _make_visual(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    if engines.looks:
        _cut(clips, engines, places)
    else:
        faces = engines.faces.model_copy(update={"detector": None})
        _do(faces_all, clips, ROOT, places.faces, faces)
    _encode("visual", clips, places.faces, engines, places)


def _cut(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    """Write the crops and the boxes of each clip's person."""
    size, jobs = engines.faces.size, []
    for clip in clips:
        tracks = places.tracks / f"{clip.video}.h5"
        digests = {"tracks": digest_input(tracks), "person": str(clip.person)}
        digests |= {"video": clip.video_digest, "frames": str(clip.frames)}
        jobs.append(Job(clip.name, (size, Path(clip.file), clip, tracks), digests, clip.frames))
    settings = {"faces": {"size": size}}
    make = "rjcma.predict.looking:cut"
    _run(Work(make, jobs, places.faces, ".h5", stage="predict", settings=settings))


def _make_text(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    videos = {clip.video for clip in clips}
    if engines.listens:
        _do(transcribe_all, clips, places.audio, places.words, engines.speech)
    else:
        jobs = [Job(video, (), {}) for video in sorted(videos)]
        make = "rjcma.predict.silence:no_words"
        _run(Work(make, jobs, places.words, ".json", stage="predict", unit="video", workers="one"))
    _do(punctuate_all, places.words, places.transcripts, engines.punctuation, only=videos)
    _do(embed_all, clips, places.transcripts, places.of("text"), engines.text)


def _encode(
    modality: Encoded, clips: Sequence[Clip], inputs: Path, engines: Engines, places: Places
) -> None:
    out = places.of(modality)
    _do(encode_all, modality, clips, inputs, out, engines.encoders, engines.seed)


def _do(stage: Callable[..., Any], *arguments: Any, only: Collection[str] = ()) -> None:
    """Do the work of a stage, of jobs with these names if there are any; other files stay."""
    work = adoption.work_of(stage, *arguments)
    assert work is not None
    jobs = [job for job in work.jobs if not only or job.name in only]
    _run(dataclasses.replace(work, jobs=jobs))


def _run(work: Work) -> None:
    adoption.run(dataclasses.replace(work, keeps_others=True))
