"""The runs that predict: their folders, checked before anything is computed.

Only the metadata of the weights is read here, so that torch, which takes long to load, is not
needed where nothing is to be computed. That the weights fit the network is checked when it runs.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any, NamedTuple

from safetensors import SafetensorError, safe_open

from rjcma.jobs.digests import digest_file
from rjcma.jobs.files import read_json
from rjcma.jobs.ledger import Ledger
from rjcma.problem import Problem, Problems
from rjcma.training import engines
from rjcma.training.engines import Record
from rjcma.training.sections import Settings

WEIGHTS, RUN = "weights.safetensors", "run.json"
READ = (WEIGHTS, RUN)
"""The files of a run that prediction reads; its engines are beside them."""


class Trained(NamedTuple):
    """A finished run."""

    folder: Path
    """Absolute."""
    target: str
    fold: int
    digest: str
    """Of its weights' file."""
    settings: Settings
    engines: Record | None
    """What its features were made with; None for a run of a version that did not say so."""

    @property
    def name(self) -> str:
        """Unique among the runs that predict together."""
        return f"{self.target}-{self.fold}"


def open_all(folders: Sequence[Path]) -> list[Trained]:
    """The runs in these folders, by target, in the corpus's order where runs say it, and fold.

    Raises `Problems`, a line each, for folders that hold no finished run, or one that was edited
    since, and `Problem` for two runs of one target and fold.
    """
    runs, problems = [], []
    for folder in folders:
        try:
            runs.append(_opened(folder.absolute()))
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)
    known = [target for run in runs if run.engines for target in run.engines.targets]
    targets = list(dict.fromkeys([*known, *(run.target for run in runs)]))
    runs.sort(key=lambda run: (targets.index(run.target), run.fold))
    for one, other in pairwise(runs):
        if one.name == other.name:
            raise Problem(
                file=other.folder,
                found=f"target {one.target}, fold {one.fold}, as in {one.folder}",
                expected="one run for each target and fold",
                cure="give one of them only",
            )
    return runs


def _opened(folder: Path) -> Trained:
    _refuse_unfinished(folder)
    _refuse_edited(folder)
    metadata = _metadata(folder / WEIGHTS)
    settings = _settings(metadata, folder / WEIGHTS)
    cure = "give the folder of a finished run, such as data/runs/valence-0"
    said = read_json(folder / RUN, expected="the target and the fold of a run", cure=cure)
    try:
        target, fold = str(said["target"]), int(said["fold"])
    except (KeyError, TypeError, ValueError):
        target, fold = "", -1
    known = metadata.get("target"), metadata.get("fold")
    if known != (target, fold):
        raise Problem(
            file=folder / RUN,
            found=f"target {target or 'unknown'}, fold {fold}",
            expected=f"target {known[0]}, fold {known[1]}, as the weights say",
            cure="copy the run's folder again, or run `dvc repro`, which restores it",
        )
    digest = digest_file(folder / WEIGHTS)
    return Trained(folder, target, fold, digest, settings, engines.read(folder))


def _metadata(path: Path) -> dict[str, Any]:
    """What is said of a run in its weights' file."""
    try:
        with safe_open(path, "np") as file:
            metadata: dict[str, Any] = json.loads(file.metadata()["run"])
            return metadata
    except SafetensorError as error:
        raise _unusable(path, f"not a safetensors file ({error})") from None
    except (KeyError, TypeError, ValueError):
        raise _unusable(path, "weights without the metadata of a run") from None


def _settings(metadata: dict[str, Any], path: Path) -> Settings:
    try:
        return Settings.of_keyed(metadata["params"], path)
    except Problem as problem:
        raise _unusable(path, f"weights of another version ({problem.found})") from None
    except (KeyError, TypeError, AttributeError) as error:
        raise _unusable(path, f"weights of another version ({error})") from None


def _unusable(path: Path, found: str) -> Problem:
    cure = "give the folder of a finished run, such as data/runs/valence-0"
    return Problem(file=path, found=found, expected="the weights of a finished run", cure=cure)


def _refuse_unfinished(folder: Path) -> None:
    absent = [name for name in READ if not (folder / name).is_file()]
    if absent:
        found = "a file that is no bundle, or is cut off" if folder.is_file() else "no such folder"
        raise Problem(
            file=folder,
            found=f"no {' and no '.join(absent)}" if folder.is_dir() else found,
            expected="the folder of a finished run, such as data/runs/valence-0, or a bundle",
            cure="correct the path, or wait until the run has ended",
        )


def _refuse_edited(folder: Path) -> None:
    """Raise `Problem` for a file that is not as its ledger says; without a ledger none is known."""
    entries = Ledger(folder).entries
    for name in READ:
        if name in entries and digest_file(folder / name) != entries[name].digest:
            raise Problem(
                file=folder / name,
                found="a file that was edited or damaged since it was made",
                expected="the file that the ledger of its folder lists",
                cure="copy the run's folder again, or run `dvc repro`, which restores it",
            )
