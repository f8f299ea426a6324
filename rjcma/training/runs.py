"""A run as work: what it is made from, under which key it is kept, and what it leaves.

A run is kept like a clip's file, by the key in its folder's ledger. The runs of the pipeline and of
ablations are the same: either takes over what the other has trained, where settings and seeds
agree.

    weights.safetensors  the best epoch's weights, with the params and digests of what shaped them
    history.csv          a row an epoch: loss, CCC, learning rate, released groups
    run.json             target, fold, names of the clips, the best epoch and its CCC
    predictions.h5       a dataset (T,) float32 for every clip of the manifest, test clips too
    live/                the curves, as dvclive drew them while it ran

Nothing in these files depends on when or where they were made, or on how often the run was killed
and went on.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.corpus import labels
from rjcma.corpus.labels import TARGETS
from rjcma.encoders import keys
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_files, digest_text, digest_value
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.recipe import Recipe, modules_of
from rjcma.jobs.work import Job, Work, resolved
from rjcma.manifest import Clip
from rjcma.training import history
from rjcma.training.request import Data, Run

TRAIN, DRAW = "rjcma.training.run:train", "rjcma.training.curves:draw"
FILES = ("weights.safetensors", "history.csv", "run.json", "predictions.h5")


class Digests(NamedTuple):
    """The contents that runs are trained on."""

    clips: str
    """Names, videos, partitions and lengths."""
    labels: Mapping[str, str]
    """All clips' labels, by target: those of another target are none of a run's inputs."""
    features: Mapping[str, str]
    """All clips' features, by modality."""

    @classmethod
    def of(cls, data: Data) -> Digests:
        """The digests of what is there. Raises `Problem` for labels that do not fit their clip."""
        clips = [[c.name, c.video, c.partition, c.frames] for c in data.clips]
        features = {m: _contents(folder, data.clips) for m, folder in data.folders.items()}
        return cls(digest_value(clips), _labels(data), features)

    def inputs(self, run: Run) -> list[str]:
        """Those of what a run is trained on."""
        features = [self.features[m] for m in run.settings.modalities]
        return [self.clips, self.labels[run.target], *features]


def train_run(
    run: Run,
    data: Data,
    digests: Digests,
    out: Path,
    *,
    checkpoint: Path | None = None,
    curves: bool = False,
    elsewhere: Sequence[Path] = (),
    quiet: bool = False,
) -> None:
    """Have the run's files in the folder `out`: kept, taken over from `elsewhere`, or trained.

    With a `checkpoint`, a file, a run that was killed goes on after its last finished epoch; it is
    removed when the run is whole. `curves` are drawn in `out` while the run goes on.
    Raises `Problem` or `Problems` for what a network cannot be trained on.
    """
    live = out / "live" if curves and not adoption.is_collecting() else None
    asked = work(run, data, digests, out, checkpoint, live, elsewhere=elsewhere, quiet=quiet)
    if int(os.environ.get("RANK", "0")):
        _help(asked)
        return
    adoption.run(asked)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    if live is not None and not _curves_stand(out):
        pkgutil.resolve_name(DRAW)(live, history.read(out / "history.csv"))


def work(
    run: Run,
    data: Data,
    digests: Digests,
    out: Path,
    checkpoint: Path | None = None,
    live: Path | None = None,
    *,
    elsewhere: Sequence[Path] = (),
    quiet: bool = False,
) -> Work:
    """The work of training a run."""
    inputs = digests.inputs(run)
    settings = {"target": run.target, "fold": run.fold, **run.settings.keyed()}
    trained = run.settings.trained_encoders()
    implementations = [e.implementation for e in (run.settings.fusion, *trained.values())]
    models = keys.models(run.settings.encoders, list(trained))
    recipe = Recipe.of(modules_of(TRAIN, *implementations), settings, models)
    about = {
        "target": run.target,
        "fold": run.fold,
        "params": run.settings.keyed(),
        "features": {m: digests.features[m] for m in run.settings.modalities},
        "labels": digests.labels[run.target],
    }
    key = digest_value([recipe.id, *inputs])  # of the checkpoint
    arguments = (run, data, about, key, checkpoint, live)
    return Work(
        TRAIN,
        [Job(run.name, arguments, tuple(inputs), files=FILES)],
        out,
        "",
        settings=settings,
        models=models,
        implementations=implementations,
        workers="here",
        unit="run",
        elsewhere=elsewhere,
        quiet=quiet,
    )


def _help(asked: Work) -> None:
    """Train along, as one of several processes that were launched; the first one does the rest."""
    places = [asked.folder, *asked.elsewhere]
    if all(Ledger(place).lacks(asked.wanted) for place in places):
        resolved(asked.make)(*asked.jobs[0].arguments, asked.folder)


def _curves_stand(out: Path) -> bool:
    """Whether the curves in a run's folder are its own, and not another's that began there."""
    path = out / "live/plots/metrics/ccc.tsv"
    drawn = path.read_text().split()[2:] if path.is_file() else []
    epochs = history.read(out / "history.csv")
    return drawn == [str(value) for e in epochs for value in (e.epoch, e.ccc)]


def _contents(folder: Path, clips: Sequence[Clip]) -> str:
    """The digest of the clips' features; one that is missing is told when it is read."""
    there = [path for clip in clips if (path := folder / f"{clip.name}.h5").is_file()]
    pairs = zip((path.name for path in there), digest_files(there), strict=True)
    return digest_value(list(pairs))


def _labels(data: Data) -> dict[str, str]:
    """By target, the digest of all clips' labels."""
    columns: dict[str, list[str]] = {target: [] for target in TARGETS}
    for clip in data.clips:
        if clip.partition != "test":
            values = labels.read(data.labels, clip)
            for target, column in zip(TARGETS, values.T, strict=True):
                columns[target].append(digest_text(column.tobytes().hex()))
    return {target: digest_value(digests) for target, digests in columns.items()}
