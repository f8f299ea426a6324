"""The features of videos of one's own, made by the stages' own work, in a working folder.

The folder has a file per clip or video and feature, each kept by its key as in a stage's folder. A
folder of its own belongs to each set of engines. Files of other videos stay.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.audio.extract_all import extract_all
from rjcma.audio.logmel_all import logmel_all
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoded
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.progress import say
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import worker_count
from rjcma.manifest import Clip
from rjcma.params import keyed
from rjcma.predict.doing import Failures, do, run
from rjcma.predict.engines import Engines
from rjcma.predict.looking import found
from rjcma.predict.videos import ROOT
from rjcma.problem import Problem, shown
from rjcma.speech.section import WhisperSettings
from rjcma.speech.transcribe_all import transcribe_all
from rjcma.text.embed_all import embed_all
from rjcma.text.punctuate_all import punctuate_all
from rjcma.vision.faces_all import faces_all
from rjcma.vision.model import models

LISTEN = "rjcma.predict.listening:transcribe"
"""As the stage's function, with progress."""

ONE_CORE = "rjcma.predict.network:one_core"
"""Words become vectors by one core, as in the stages, so that they are the same."""


class Places(NamedTuple):
    """The folders of a working folder."""

    root: Path
    engines: str
    """The id of the engines by which features are made."""

    @property
    def videos(self) -> Path:
        """Of the videos' properties."""
        return self.root / "videos"

    @property
    def audio(self) -> Path:
        """Of sound, which no engine decides."""
        return self.root / "audio"

    @property
    def logmel(self) -> Path:
        """Of log-mel spectrograms, which no engine decides."""
        return self.root / "logmel"

    @property
    def tracks(self) -> Path:
        """Of all faces that were found in videos (`rjcma.predict.seen`)."""
        return self.root / self.engines / "tracks"

    @property
    def faces(self) -> Path:
        """Of crops and boxes (`rjcma.predict.looking`)."""
        return self.root / self.engines / "faces"

    @property
    def words(self) -> Path:
        """Of recognised words."""
        return self.root / self.engines / "words"

    @property
    def transcripts(self) -> Path:
        """Of the same words with punctuation."""
        return self.root / self.engines / "transcripts"

    def of(self, modality: str) -> Path:
        """Of what the networks read of a modality."""
        return self.root / self.engines / modality


class Features(NamedTuple):
    """Makes the features of clips. A clip that fails is left out of what follows."""

    engines: Engines
    places: Places
    failures: Failures

    def hear(self, clips: Sequence[Clip]) -> list[Clip]:
        """Extract the sound of these clips, which are whole videos; -> those left."""
        if not self.engines.modalities & {"audio", "text"}:
            return list(clips)
        return self._do(clips, extract_all, clips, ROOT, self.places.audio)

    def look(self, clips: Sequence[Clip]) -> list[Clip]:
        """Find and follow the faces of these clips, which are whole videos; -> those left."""
        if not self.engines.looks:
            return list(clips)
        faces = self.engines.faces
        assert faces.detector is not None
        settings = {key: value for key, value in keyed(faces).items() if key != "size"}
        jobs = []
        for clip in clips:
            arguments = (faces, Path(clip.file), clip, threads(len(clips)))
            digests = {"video": clip.video_digest, "frames": str(clip.frames), "fps": str(clip.fps)}
            jobs.append(Job(clip.name, arguments, digests, clip.frames))
        work = Work(
            "rjcma.predict.looking:look",
            jobs,
            self.places.tracks,
            ".h5",
            stage="predict",
            settings={"faces": settings},
            models=models(faces),
            implementations=[faces.detector.implementation],
            unit="video",
        )
        run(self.failures, work)
        return self.failures.without(clips)

    def make(self, clips: Sequence[Clip]) -> list[Clip]:
        """Make all that the networks read of these clips; -> those of which all is made."""
        modalities, places, left = self.engines.modalities, self.places, list(clips)
        if "visual" in modalities:
            left = self._visual(left)
        if "audio" in modalities:
            left = self._do(left, logmel_all, left, places.audio, places.logmel)
            left = self._encoded("audio", left, places.logmel)
        if "text" in modalities:
            left = self._text(left)
        return left

    def _visual(self, clips: Sequence[Clip]) -> list[Clip]:
        places = self.places
        if self.engines.looks:
            left = self._cut(clips)
        else:
            faces = self.engines.faces.model_copy(update={"detector": None})
            left = self._do(clips, faces_all, clips, ROOT, places.faces, faces)
        return self._encoded("visual", left, places.faces)

    def _cut(self, clips: Sequence[Clip]) -> list[Clip]:
        """The crops and the boxes of each clip's person."""
        size, jobs = self.engines.faces.size, []
        for clip in clips:
            tracks = self.places.tracks / f"{clip.video}.h5"
            digests = {"tracks": digest_input(tracks), "person": str(clip.person)}
            digests |= {"video": clip.video_digest, "frames": str(clip.frames)}
            arguments = (size, Path(clip.file), clip, tracks, threads(len(clips)))
            jobs.append(Job(clip.name, arguments, digests, clip.frames))
        make, settings = "rjcma.predict.looking:cut", {"faces": {"size": size}}
        work = Work(make, jobs, self.places.faces, ".h5", stage="predict", settings=settings)
        run(self.failures, work)
        left = self.failures.without(clips)
        for clip in left:
            noted = found(self.places.faces / f"{clip.name}.h5")
            share = f"a face in {noted['frames']} of {clip.frames} frames"
            say(f"{shown(clip.name)}: {share} ({noted['chosen']})")
            if clip.person is not None and not noted["frames"]:
                self.failures.note([_nobody(clip, noted["chosen"])], {clip.name})
        return self.failures.without(left)

    def _text(self, clips: Sequence[Clip]) -> list[Clip]:
        engines, places = self.engines, self.places
        if engines.listens:
            arguments = (places.audio, places.words, engines.speech)
            make = "" if isinstance(engines.speech, WhisperSettings) else LISTEN
            left = self._do(clips, transcribe_all, clips, *arguments, make=make)
        else:
            jobs = [Job(video, (), {}) for video in sorted({clip.video for clip in clips})]
            make = "rjcma.predict.silence:no_words"
            silent = Work(
                *(make, jobs, places.words, ".json"), stage="predict", workers="one", unit="video"
            )
            run(self.failures, silent)
            left = list(clips)
        videos = {clip.video for clip in left}
        out, settings = places.transcripts, engines.punctuation
        how: dict[str, Any] = {"only": videos, "around": ONE_CORE}
        left = self._do(left, punctuate_all, places.words, out, settings, **how)
        out = places.of("text")
        how = {"around": ONE_CORE}
        return self._do(left, embed_all, left, places.transcripts, out, engines.text, **how)

    def _encoded(self, modality: Encoded, clips: Sequence[Clip], inputs: Path) -> list[Clip]:
        encoders, out = self.engines.encoders, self.places.of(modality)
        precomputes = getattr(encoders, modality).mode == "precompute"
        around = "rjcma.predict.encoding:" + ("alone" if len(clips) == 1 else "among")
        arguments = (modality, clips, inputs, out, encoders, self.engines.seed)
        return self._do(
            clips,
            encode_all,
            *arguments,
            *([self.places.audio] if modality == "audio" else []),
            around=around if precomputes else None,
        )

    def _do(self, clips: Sequence[Clip], *arguments: Any, **how: Any) -> list[Clip]:
        """Do a stage's work; -> the clips that have not failed."""
        do(self.failures, *arguments, **how)
        return self.failures.without(clips)


def threads(videos: int) -> int:
    """The threads that look at each of so many videos: all cores, divided among them."""
    return max(1, worker_count() // videos)


def _nobody(clip: Clip, chosen: str) -> Problem:
    return Problem(
        clip=clip.name,
        file=clip.file,
        found=chosen,
        expected=f"the person that is asked for, {clip.person}",
        cure="leave --person out for who is seen most, or look by `rjcma faces` at who is seen",
    )
