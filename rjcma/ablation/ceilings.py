"""What a network could reach on the sample: oracles that read what each modality shows.

The sample's states are drawn, and face, voice and words show them with errors that are drawn too
(`rjcma.sample.state`). An oracle reads what a modality shows without any error of its own, in every
frame, even while a face is turned away or nobody speaks. The last one weights all three, by least
squares over the clips that a fold trains on. A network that reads frame by frame cannot be expected
to do better; one that also looks at the frames around could, a little.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from concurrent.futures import as_completed
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from rjcma.concordance import ccc_labelled
from rjcma.corpus import labels
from rjcma.corpus.folds import Fold, split
from rjcma.corpus.settings import Folds
from rjcma.jobs.progress import Progress
from rjcma.jobs.workers import executor
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.sample.cast import Video
from rjcma.sample.corpus import planned
from rjcma.sample.scene import Shown, draw_scene
from rjcma.sample.settings import Sample
from rjcma.scoring.table import markdown_table

Floats = NDArray[np.float64]
Series = Mapping[str, NDArray[np.floating]]
"""By clip."""

ORACLES = (*Shown._fields, "all three")


def ceilings(
    clips: Sequence[Clip], folder: Path, settings: Sample, folds: Folds, targets: Sequence[str]
) -> dict[str, list[float]]:
    """The CCC of each oracle of `ORACLES` by target, the mean over folds.

    `folder` holds the labels. Raises `Problem` for a clip that the sample's settings do not make.
    """
    labelled = [clip for clip in clips if clip.partition != "test"]
    shown = _shown(labelled, settings)
    divided = split(labelled, folds)
    found = {}
    for target in targets:
        truth = {clip.name: labels.of_target(folder, clip, target) for clip in labelled}
        read = {name: of_clip[target] for name, of_clip in shown.items()}
        found[target] = np.mean([_of_fold(fold, read, truth) for fold in divided], axis=0).tolist()
    return found


def table(
    clips: Sequence[Clip], folder: Path, settings: Sample, folds: Folds, targets: Sequence[str]
) -> str:
    """The ceilings as a Markdown table, a line an oracle. Raises `Problem` as `ceilings` does."""
    found = ceilings(clips, folder, settings, folds, targets)
    header = ["Who reads without error", *(target.capitalize() for target in targets), "Mean"]
    body = [
        [oracle, *(f"{ccc:.3f}" for ccc in of_oracle), f"{np.mean(of_oracle):.3f}"]
        for oracle, of_oracle in zip(ORACLES, zip(*found.values()), strict=True)
    ]
    truth = ["the drawn truth", *["1.000"] * (len(targets) + 1)]
    return markdown_table([header, *body, truth])


def _of_fold(fold: Fold, read: Mapping[str, Floats], truth: Series) -> list[float]:
    """The CCC of each oracle over a fold's validation clips, concatenated, as of a run."""
    weights = _weights([(read[clip.name], truth[clip.name]) for clip in fold.train])
    names = [clip.name for clip in fold.validation]
    guesses = [np.column_stack([read[name], _with_one(read[name]) @ weights]) for name in names]
    truths = [truth[name] for name in names]
    return [
        ccc_labelled([guess[:, oracle] for guess in guesses], truths)
        for oracle in range(len(ORACLES))
    ]


def _weights(pairs: Sequence[tuple[Floats, NDArray[np.floating]]]) -> Floats:
    """The weights of what is read, and a constant, that come nearest to the truth."""
    read, truth = (np.concatenate(values) for values in zip(*pairs, strict=True))
    known = ~np.isnan(truth)
    weights: Floats = np.linalg.lstsq(_with_one(read[known]), truth[known], rcond=None)[0]
    return weights


def _with_one(read: Floats) -> Floats:
    return np.column_stack([read, np.ones(len(read))])


def _shown(clips: Sequence[Clip], settings: Sample) -> dict[str, dict[str, Floats]]:
    """By clip and target, what each modality shows, (T, 3)."""
    by_name = {clip.name: clip for clip in clips}
    videos = [v for v in planned(settings) if any(name in by_name for name in v.clips)]
    missing = by_name.keys() - {name for video in videos for name in video.clips}
    if missing:
        raise Problem(
            clip=min(missing),
            found="a clip that the sample does not have",
            expected="the clips of section sample of the params file",
            cure="oracles know the sample only: run `dvc repro index` with these params",
        )
    found: dict[str, dict[str, Floats]] = {}
    with (
        executor("processes", len(videos)) as pool,
        Progress("ceilings", len(videos), "video") as progress,
    ):
        jobs = [pool.submit(_read, video, settings.seed, by_name) for video in videos]
        for job in as_completed(jobs):
            found |= job.result()
            progress.step()
    return found


def _read(video: Video, seed: int, clips: Mapping[str, Clip]) -> dict[str, dict[str, Floats]]:
    """What the modalities of a video's people show at the frames of their clips."""
    scene = draw_scene(video, seed)
    return {
        name: {
            target: np.column_stack(
                [getattr(state, target)(clips[name].frame_times()) for state in shown]
            )
            for target in ("valence", "arousal")
        }
        for name, shown in zip(video.clips, scene.shown, strict=True)
        if name in clips
    }
