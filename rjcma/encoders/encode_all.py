"""The files that stage `train` reads: an encoder's vectors, or references to its inputs."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from rjcma.encoders.keys import keyed, models
from rjcma.encoders.settings import NONE, Encoded, Encoders
from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_inputs
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip


def encode_all(
    modality: Encoded,
    clips: Sequence[Clip],
    folder: Path,
    out: Path,
    settings: Encoders,
    seed: int,
) -> None:
    """Write `out/<clip>.h5` for each clip, from its faces or log-mel windows in `folder`.

    In mode precompute, the files hold the encoder's vectors, rows (T, D) float32. In mode finetune,
    stage `train` runs the encoder itself, and the files refer to those in `folder`. So `train`
    reads one folder per modality in either mode. Random weights are drawn from the seed.

    On a CPU, clips are encoded in parallel, one core each; on a GPU, one after another. Raises
    `Problem` if weights are missing, and `Problems` for clips that could not be encoded.
    """
    build = _vectors if getattr(settings, modality).mode == "precompute" else _references
    adoption.run(build(modality, clips, folder, out, settings, seed))


def _vectors(
    modality: Encoded,
    clips: Sequence[Clip],
    folder: Path,
    out: Path,
    settings: Encoders,
    seed: int,
) -> Work:
    jobs = [
        Job(clip.name, (clip,), {"frames": str(clip.frames), "values": digest}, length=clip.frames)
        for clip, digest in _digests(clips, folder)
    ]
    other: dict[str, object] = {"precision": settings.precision}
    other |= {"seed": seed} if getattr(settings, modality).weights == NONE else {}
    return Work(
        "rjcma.encoders.encode:encode_clip",
        jobs,
        out,
        ".h5",
        stage="encode",
        common=(modality, settings, seed, folder),
        settings={f"encoders.{modality}": keyed(settings, modality), **other},
        models=models(settings, [modality]),
        implementations=[getattr(settings, modality).implementation],
        workers="threads",
        around="rjcma.encoders.encode:side_by_side",
    )


def _references(
    modality: Encoded,
    clips: Sequence[Clip],
    folder: Path,
    out: Path,
    settings: Encoders,
    seed: int,
) -> Work:
    jobs = [
        Job(clip.name, (folder / f"{clip.name}.h5", digest), {"values": digest})
        for clip, digest in _digests(clips, folder)
    ]
    mode = {f"encoders.{modality}": {"mode": "finetune"}}
    make = "rjcma.store:refer"
    return Work(make, jobs, out, ".h5", stage="encode", settings=mode, workers="one")


def _digests(clips: Sequence[Clip], folder: Path) -> Iterator[tuple[Clip, str]]:
    """Each clip, and the digest of its file in the folder."""
    return zip(clips, digest_inputs([folder / f"{clip.name}.h5" for clip in clips]), strict=True)
