"""The files that stage `train` reads: an encoder's vectors, or references to its inputs."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.encoders.identity import keyed, models
from rjcma.encoders.settings import NONE, Encoded, Encoder, Encoders, Transformers
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_value
from rjcma.jobs.inputs import digest_input, digest_inputs
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import Needs
from rjcma.manifest import Clip

MODEL_MEMORY = 2**30
"""Bytes that a thread takes that runs a model of base size on a CPU (ours)."""


class _Asked(NamedTuple):
    """What is to be made, of what, and how."""

    modality: Encoded
    clips: Sequence[Clip]
    folder: Path
    out: Path
    settings: Encoders
    seed: int

    @property
    def own(self) -> str:
        """The params key of the modality's encoder."""
        return f"encoders.{self.modality}"

    @property
    def encoder(self) -> Encoder:
        encoder: Encoder = getattr(self.settings, self.modality)
        return encoder


def encode_all(
    modality: Encoded,
    clips: Sequence[Clip],
    folder: Path,
    out: Path,
    settings: Encoders,
    seed: int,
    whole: Path | None = None,
) -> None:
    """Write `out/<clip>.h5` for each clip, from its faces or log-mel windows in `folder`.

    Encoders that read sound find it in the folder `whole`, as `<video>.wav`.

    In mode precompute, the files hold the encoder's vectors, rows (T, D) float32. In mode finetune,
    stage `train` runs the encoder itself, and the files refer to its inputs. So `train` reads one
    folder per modality in either mode. Random weights are drawn from the seed.

    On a CPU, clips are encoded in parallel, one core each; on a GPU, one after another. Raises
    `Problem` if weights are missing, and `Problems` for clips that could not be encoded.
    """
    encoder = getattr(settings, modality)
    if encoder.mode == "finetune":
        build = _references if encoder.reads == "frames" else _references_to_sound
    else:
        build = _of_a_model if isinstance(encoder, Transformers) else _vectors
    source = whole if whole is not None and encoder.reads == "whole" else folder
    adoption.run(build(_Asked(modality, clips, source, out, settings, seed)))


def _vectors(asked: _Asked) -> Work:
    jobs = [
        Job(clip.name, (clip,), {"frames": str(clip.frames), "values": digest}, length=clip.frames)
        for clip, digest in _digests(asked.clips, asked.folder)
    ]
    other: dict[str, object] = {"precision": asked.settings.precision}
    other |= {"seed": asked.seed} if asked.encoder.weights == NONE else {}
    return Work(
        "rjcma.encoders.encode:encode_clip",
        jobs,
        asked.out,
        ".h5",
        stage="encode",
        common=(asked.modality, asked.settings, asked.seed, asked.folder),
        settings={asked.own: keyed(asked.settings, asked.modality), **other},
        models=models(asked.settings, [asked.modality]),
        implementations=[asked.encoder.implementation],
        workers="threads",
        around="rjcma.encoders.encode:side_by_side",
    )


def _of_a_model(asked: _Asked) -> Work:
    """The work of a model of transformers, which has no random weights."""
    encoder = asked.encoder
    by_video = encoder.reads == "whole"
    return Work(
        encoder.encodes,
        list((_of_videos if by_video else _of_clips)(asked.clips, asked.folder)),
        asked.out,
        ".h5",
        stage="encode",
        common=(asked.modality, asked.settings),
        settings={
            asked.own: keyed(asked.settings, asked.modality),
            "precision": asked.settings.precision,
        },
        models=models(asked.settings, [asked.modality]),
        workers="threads",
        needs=Needs(MODEL_MEMORY),
        unit="video" if by_video else "clip",
        around="rjcma.encoders.encode:side_by_side",
    )


def _of_clips(clips: Sequence[Clip], folder: Path) -> Iterator[Job]:
    for clip, digest in _digests(clips, folder):
        digests = {"frames": str(clip.frames), "values": digest}
        yield Job(clip.name, (folder, clip), digests, length=clip.frames)


def _of_videos(clips: Sequence[Clip], folder: Path) -> Iterator[Job]:
    """A job for the sound of each video, which is read once for all clips of the video."""
    videos: dict[str, list[Clip]] = defaultdict(list)
    for clip in clips:
        videos[clip.video].append(clip)
    for video, own in sorted(videos.items()):
        wav = folder / f"{video}.wav"
        digests = {"sound": digest_input(wav), "frame times": _times(own)}
        files = tuple(f"{clip.name}.h5" for clip in own)
        yield Job(video, (own, wav), digests, length=own[0].frames, files=files)


def _references(asked: _Asked) -> Work:
    jobs = [
        Job(clip.name, (asked.folder / f"{clip.name}.h5", digest), {"values": digest})
        for clip, digest in _digests(asked.clips, asked.folder)
    ]
    mode = {asked.own: {"mode": "finetune"}}
    make = "rjcma.store:refer"
    return Work(make, jobs, asked.out, ".h5", stage="encode", settings=mode, workers="one")


def _references_to_sound(asked: _Asked) -> Work:
    wavs = [asked.folder / f"{clip.video}.wav" for clip in asked.clips]
    jobs = [
        Job(clip.name, (clip, wav, digest), {"sound": digest, "frame times": _times([clip])})
        for clip, wav, digest in zip(asked.clips, wavs, digest_inputs(wavs), strict=True)
    ]
    mode = {asked.own: {"mode": "finetune"}}
    make = "rjcma.encoders.sound:refer"
    return Work(make, jobs, asked.out, ".h5", stage="encode", settings=mode, workers="one")


def _times(clips: Sequence[Clip]) -> str:
    """The digest of the clips' frame times."""
    return digest_value([[clip.name, clip.fps, clip.frame_times().tolist()] for clip in clips])


def _digests(clips: Sequence[Clip], folder: Path) -> Iterator[tuple[Clip, str]]:
    """Each clip, and the digest of its file in the folder."""
    return zip(clips, digest_inputs([folder / f"{clip.name}.h5" for clip in clips]), strict=True)
