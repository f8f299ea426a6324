"""One trial of an ablation: it is trained, unless its run exists already, and scored."""

from __future__ import annotations

import os
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from rjcma.ablation import result
from rjcma.ablation.measure_all import Places
from rjcma.ablation.result import Result
from rjcma.ablation.trials import Trial
from rjcma.corpus import labels
from rjcma.problem import Problem, Problems
from rjcma.scoring import runs
from rjcma.scoring.metrics import clip_cccs, score_run
from rjcma.scoring.runs import TrainedRun
from rjcma.training.request import Data
from rjcma.training.runs import Digests, train_run


def measure(trial: Trial, data: Data, digests: Digests, places: Places, path: Path) -> None:
    """Write the result of a trial. What training prints is not shown."""
    try:
        trained = _trained(trial, data, digests, places)
    except (Problem, Problems) as error:
        problems = error.problems if isinstance(error, Problems) else [error]
        raise _named(problems[0], trial) from None
    except Exception as error:
        at = traceback.extract_tb(error.__traceback__)[-1]
        where = f"{_where(trial)}, {Path(at.filename).name}:{at.lineno}"
        raise RuntimeError(f"{where}: {error!r}") from error
    validation = [clip for clip in data.clips if clip.name in trained.validation]
    truth = {c.name: labels.of_target(data.labels, c, trial.run.target) for c in validation}
    outcome = Result(
        target=trial.run.target,
        fold=trial.run.fold,
        seed=trial.seed,
        ccc=score_run(trained, truth).ccc,
        clips=clip_cccs(trained, truth),
        best_epoch=trained.best_epoch,
        epochs=len(trained.history),
        settings=trial.run.settings.keyed(),
    )
    result.write(path, outcome)


def _trained(trial: Trial, data: Data, digests: Digests, places: Places) -> TrainedRun:
    """Train the run without output, and read it as scoring reads any run."""
    out = places.trained / trial.name
    with open(os.devnull, "w") as null, redirect_stderr(null), redirect_stdout(null):
        train_run(
            trial.run,
            data,
            digests,
            out,
            checkpoint=places.checkpoints / f"{trial.name}.pt",
            elsewhere=[places.pipeline / trial.run.name],
            quiet=True,
        )
    return runs.read_run(out, trial.run.target, trial.run.fold, data.clips)


def _where(trial: Trial) -> str:
    run = trial.run
    return f"row {trial.row}, {run.target}, fold {run.fold}, seed {trial.seed}"


def _named(problem: Problem, trial: Trial) -> Problem:
    """The problem, with the trial in which it occurred."""
    return Problem(
        clip=problem.clip,
        file=f"{_where(trial)}: {problem.file}" if problem.file else _where(trial),
        found=problem.found,
        expected=problem.expected,
        cure=problem.cure,
    )
