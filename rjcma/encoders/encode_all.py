"""What stage `train` reads of every clip: vectors of an encoder, or what the encoder looks at."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.encoders.keys import keyed, models
from rjcma.encoders.settings import NONE, Encoded, Encoders
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_files
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

    In mode precompute these are the encoder's vectors, rows (T, D) float32. In mode finetune, where
    stage `train` runs the encoder itself, they refer to the files in `folder`: `train` reads one
    folder a modality, whatever the modes are. Random weights follow from the seed.

    On a CPU clips are encoded side by side, a core each; on a GPU one after another. Raises
    `Problem` for missing weights, and `Problems` for clips that could not be encoded.
    """
    work = _vectors if getattr(settings, modality).mode == "precompute" else _references
    adoption.run(work(modality, clips, folder, out, settings, seed))


def _vectors(
    modality: Encoded,
    clips: Sequence[Clip],
    folder: Path,
    out: Path,
    settings: Encoders,
    seed: int,
) -> Work:
    digests = _digests(clips, folder)
    run: dict[str, object] = {"precision": settings.precision}
    run |= {"seed": seed} if getattr(settings, modality).weights == NONE else {}
    return Work(
        "rjcma.encoders.encode:encode_clip",
        [Job(c.name, (c,), (str(c.frames), digests[c.name]), length=c.frames) for c in clips],
        out,
        ".h5",
        common=(modality, settings, seed, folder),
        settings={f"encoders.{modality}": keyed(settings, modality), **run},
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
    digests = _digests(clips, folder)
    jobs = [
        Job(clip.name, (folder / f"{clip.name}.h5", digests[clip.name]), (digests[clip.name],))
        for clip in clips
    ]
    mode = {f"encoders.{modality}": {"mode": "finetune"}}
    return Work("rjcma.store:refer", jobs, out, ".h5", settings=mode, workers="one")


def _digests(clips: Sequence[Clip], folder: Path) -> dict[str, str]:
    """By clip, of what lies in the folder; `missing` where nothing does."""
    files = [folder / f"{clip.name}.h5" for clip in clips]
    there = [path for path in files if path.is_file()]
    digests = {
        path.name.removesuffix(".h5"): digest
        for path, digest in zip(there, digest_files(there), strict=True)
    }
    return {clip.name: digests.get(clip.name, "missing") for clip in clips}
