"""The features of videos of one's own, made by the stages' own work, in a working folder.

The folder has a file per clip or video and feature, each kept by its key as in a stage's folder. A
folder of its own belongs to each set of engines. Files of other videos stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.audio.extract_all import extract_all
from rjcma.audio.logmel_all import logmel_all
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoded
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import worker_count
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.predict.doing import do, run
from rjcma.predict.engines import Engines
from rjcma.predict.videos import ROOT
from rjcma.speech.transcribe_all import transcribe_all
from rjcma.text.embed_all import embed_all
from rjcma.text.punctuate_all import punctuate_all
from rjcma.vision.faces_all import faces_all
from rjcma.vision.model import models

ONE_CORE = "rjcma.predict.network:one_core"
"""Words become vectors by one core, as in the stages, so that they are the same."""


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
            (engines.faces, Path(clip.file), clip, threads(len(clips))),
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
    run(work)


def threads(videos: int) -> int:
    """The threads that look at each of so many videos: all cores, divided among them."""
    return max(1, worker_count() // videos)


def make(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    """Make all that the networks read of these clips."""
    if "visual" in engines.modalities:
        _make_visual(clips, engines, places)
    if engines.modalities & {"audio", "text"}:
        do(extract_all, clips, ROOT, places.audio)
    if "audio" in engines.modalities:
        do(logmel_all, clips, places.audio, places.logmel)
        _encode("audio", clips, places.logmel, engines, places)
    if "text" in engines.modalities:
        _make_text(clips, engines, places)


def _make_visual(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    if engines.looks:
        _cut(clips, engines, places)
    else:
        faces = engines.faces.model_copy(update={"detector": None})
        do(faces_all, clips, ROOT, places.faces, faces)
    _encode("visual", clips, places.faces, engines, places)


def _cut(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    """Write the crops and the boxes of each clip's person."""
    size, jobs = engines.faces.size, []
    for clip in clips:
        tracks = places.tracks / f"{clip.video}.h5"
        digests = {"tracks": digest_input(tracks), "person": str(clip.person)}
        digests |= {"video": clip.video_digest, "frames": str(clip.frames)}
        arguments = (size, Path(clip.file), clip, tracks, threads(len(clips)))
        jobs.append(Job(clip.name, arguments, digests, clip.frames))
    settings = {"faces": {"size": size}}
    make = "rjcma.predict.looking:cut"
    run(Work(make, jobs, places.faces, ".h5", stage="predict", settings=settings))


def _make_text(clips: Sequence[Clip], engines: Engines, places: Places) -> None:
    videos = {clip.video for clip in clips}
    if engines.listens:
        make = "rjcma.predict.listening:transcribe"
        do(transcribe_all, clips, places.audio, places.words, engines.speech, make=make)
    else:
        jobs = [Job(video, (), {}) for video in sorted(videos)]
        make = "rjcma.predict.silence:no_words"
        run(Work(make, jobs, places.words, ".json", stage="predict", unit="video", workers="one"))
    out, settings = places.transcripts, engines.punctuation
    do(punctuate_all, places.words, out, settings, only=videos, around=ONE_CORE)
    do(embed_all, clips, out, places.of("text"), engines.text, around=ONE_CORE)


def _encode(
    modality: Encoded, clips: Sequence[Clip], inputs: Path, engines: Engines, places: Places
) -> None:
    once = getattr(engines.encoders, modality).mode == "precompute"
    do(
        encode_all,
        *(modality, clips, inputs, places.of(modality), engines.encoders, engines.seed),
        make="rjcma.predict.encoding:encode" if once else "",
        around="" if len(clips) == 1 else None,  # a single clip is encoded by all cores
    )
