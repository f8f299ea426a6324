"""A run as work (`rjcma.jobs.work`): its inputs, its key, and its files.

A run's key is in the ledger of its folder, like the keys of clips' files. Pipeline and ablations
share runs: each takes over runs of the other that have the same settings and seed.

    weights.safetensors  the best epoch's weights; as metadata, the params and the inputs' digests
    history.csv          one row per epoch: loss, CCC, learning rate, released groups
    run.json             target, fold, names of the clips, the best epoch and its CCC
    predictions.h5       a dataset (T,) float32 for every clip of the manifest, also test clips
    engines.json         the engines and models of its features, and its target's range
    live/                the curves that dvclive drew during training

The first four are in the key's ledger; the others are written again when they differ. None depends
on when or where the run was trained, nor on whether it was killed and resumed.
"""

from __future__ import annotations

import os
import pkgutil
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.corpus import labels
from rjcma.encoders import identity, sizes
from rjcma.jobs import adoption
from rjcma.jobs.digests import digest_text, digest_value
from rjcma.jobs.inputs import digest_inputs
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.recipe import Recipe, modules_of
from rjcma.jobs.work import Job, Work, resolved
from rjcma.jobs.workers import Needs
from rjcma.manifest import Clip
from rjcma.training import history
from rjcma.training.engines import ENGINES
from rjcma.training.engines import write as write_engines
from rjcma.training.request import Data, Run

TRAIN, DRAW = "rjcma.training.run:train", "rjcma.training.curves:draw"
REFUSE = "rjcma.training.references:refuse_without_inputs"
RUN_MEMORY = 2**30
"""Bytes that a run takes on a CPU: 0.6 GiB with the sample's settings (measured, rounded up)."""

COPIES = 6
"""How often a trained encoder's weights are in memory: with gradients, Adam's two means, and the
best and the last epoch's for the checkpoint."""

FILES = ("weights.safetensors", "history.csv", "run.json", "predictions.h5")


class Digests(NamedTuple):
    """The digests of the data that runs are trained on."""

    clips: str
    """Of the clips' names, groups, partitions and lengths."""
    labels: Mapping[str, str]
    """Of all clips' labels, by target: a run depends on those of its own target only."""
    features: Mapping[str, str]
    """Of all clips' features, by modality."""

    @classmethod
    def of(cls, data: Data) -> Digests:
        """The digests of this data. Raises `Problem` for labels that do not fit their clip."""
        clips = [[c.name, c.together, c.partition, c.frames] for c in data.clips]
        features = {m: _contents(folder, data.clips) for m, folder in data.folders.items()}
        return cls(digest_value(clips), _labels(data), features)

    def inputs(self, run: Run) -> dict[str, str]:
        """The digests of the inputs of one run."""
        features = {m: self.features[m] for m in run.settings.modalities}
        return {"clips": self.clips, "labels": self.labels[run.target], **features}


def train_run(
    run: Run,
    data: Data,
    digests: Digests,
    out: Path,
    *,
    checkpoint: Path | None = None,
    curves: bool = False,
    engines: Path | None = None,
    elsewhere: Sequence[Path] = (),
    quiet: bool = False,
) -> None:
    """Provide the run's files in the folder `out`: keep them, take them over, or train the run.

    A run is taken over from a folder of `elsewhere` if its key is the same there. If there is a
    `checkpoint` file, a killed run resumes after its last finished epoch; the file is removed when
    the run is complete. With `curves`, these are drawn in `out` during training. With a record of
    `engines`, the folder says what is needed for other videos (`rjcma.training.engines`). Raises
    `Problem` or `Problems` if the network cannot be trained on the data.
    """
    live = out / "live" if curves and not adoption.is_collecting() else None
    run_work = work(run, data, digests, out, checkpoint, live, elsewhere=elsewhere, quiet=quiet)
    if int(os.environ.get("RANK", "0")):
        _train_along(run_work)
        return
    if not adoption.is_collecting() and _lacks(run_work):
        for modality in run.settings.trained_encoders():
            pkgutil.resolve_name(REFUSE)(data.folders[modality], data.clips)
    adoption.run(run_work)
    if engines is not None:
        write_engines(out / ENGINES, engines, labels.ranges(data.labels), run.target)
    if checkpoint is not None:
        checkpoint.unlink(missing_ok=True)
    if live is not None and not _curves_are_current(out):
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
    adapters = [lora for e in trained.values() if (lora := getattr(e, "lora", None))]
    parts = (run.settings.fusion, *trained.values(), *adapters)
    implementations = [part.implementation for part in parts]
    models = identity.models(run.settings.encoders, list(trained))
    recipe = Recipe.of(modules_of(TRAIN, *implementations), settings, models)
    metadata = {
        "target": run.target,
        "fold": run.fold,
        "params": run.settings.keyed(),
        "features": {m: digests.features[m] for m in run.settings.modalities},
        "labels": digests.labels[run.target],
    }
    key = digest_value([recipe.id, *inputs.values()])  # of the checkpoint
    arguments = (run, data, metadata, key, checkpoint, live)
    return Work(
        TRAIN,
        [Job(run.name, arguments, inputs, files=FILES)],
        out,
        "",
        stage="train",
        settings=settings,
        models=models,
        implementations=implementations,
        workers="here",
        needs=needs(run),
        unit="run",
        elsewhere=elsewhere,
        quiet=quiet,
    )


def needs(run: Run) -> Needs:
    """What a process that trains a run needs; it computes as the run would if trained alone."""
    training, trained = run.settings.training, list(run.settings.trained_encoders())
    memory = RUN_MEMORY + COPIES * sizes.weights(run.settings.encoders, trained)
    return Needs(memory, training.threads, device=training.device)


def _train_along(run_work: Work) -> None:
    """Only train, as one of several launched processes; the main process does everything else."""
    if _lacks(run_work):
        resolved(run_work.make)(*run_work.jobs[0].arguments, run_work.folder)


def _lacks(run_work: Work) -> bool:
    """Whether the run must be trained: no folder has it."""
    folders = [run_work.folder, *run_work.elsewhere]
    return all(Ledger(folder).lacks(run_work.wanted) for folder in folders)


def _curves_are_current(out: Path) -> bool:
    """Whether the curves in a run's folder are its own, not those of an earlier run there."""
    path = out / "live/plots/metrics/ccc.tsv"
    drawn = path.read_text().split()[2:] if path.is_file() else []
    epochs = history.read(out / "history.csv")
    return drawn == [str(value) for e in epochs for value in (e.epoch, e.ccc)]


def _contents(folder: Path, clips: Sequence[Clip]) -> str:
    """The digest of the clips' features; a missing file is reported later, when it is read."""
    existing = [path for clip in clips if (path := folder / f"{clip.name}.h5").is_file()]
    pairs = zip((path.name for path in existing), digest_inputs(existing), strict=True)
    return digest_value(list(pairs))


def _labels(data: Data) -> dict[str, str]:
    """The digest of all clips' labels, by target."""
    columns: dict[str, list[str]] = {target: [] for target in labels.ranges(data.labels)}
    for clip in data.clips:
        if clip.partition != "test":
            values = labels.read(data.labels, clip)
            for target, column in zip(columns, values.T, strict=True):
                columns[target].append(digest_text(column.tobytes().hex()))
    return {target: digest_value(digests) for target, digests in columns.items()}
