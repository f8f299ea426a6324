"""The work of stage `attend`: for each clip, the attention of the networks that are shown."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_inputs
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import Needs
from rjcma.manifest import Clip
from rjcma.scoring.runs import TrainedRun

WEIGHTS = "weights.safetensors"
BESIDE, NETWORK = 2**28, 3 * 2**27
"""Bytes that a worker takes on a CPU: at least, and for each network of the paper's size (ours)."""


def attend_all(
    clips: Sequence[Clip],
    runs: Sequence[TrainedRun],
    run_folder: Path,
    folders: Mapping[str, Path],
    out: Path,
    limit: int | None,
    device_name: str = "auto",
) -> None:
    """Write `out/<clip>.h5` for each clip (`rjcma.attention.stored`).

    For each target it is the network of a fold that was not trained on the clip; of the first fold,
    if all were. At most `limit` windows of a clip are kept, all without one. `folders`
    has the features by modality, and `run_folder` the `runs`. Raises
    `Problems` for clips whose attention could not be computed.
    """
    weights = _digests([run_folder / run.name / WEIGHTS for run in runs])
    features = {m: _digests([f / f"{c.name}.h5" for c in clips]) for m, f in folders.items()}
    jobs = []
    for clip in clips:
        networks = [
            (run.target, run.fold, clip.name in run.train, run_folder / run.name)
            for run in chosen(runs, clip.name)
        ]
        made_from = {
            **{f"{t} {fold}": weights[folder / WEIGHTS] for t, fold, _, folder in networks},
            **{m: features[m][f / f"{clip.name}.h5"] for m, f in folders.items()},
        }
        jobs.append(Job(clip.name, (clip, networks), made_from, length=clip.frames))
    adoption.run(
        Work(
            "rjcma.attention.attend:attend",
            jobs,
            out,
            ".h5",
            stage="attend",
            common=(dict(folders), limit, device_name),
            settings={"runs.attention": limit},
            needs=needs(len({run.target for run in runs}), device_name),
        )
    )


def needs(targets: int, device_name: str) -> Needs:
    """What a worker needs that keeps a network of each target."""
    return Needs(BESIDE + NETWORK * targets, device=device_name)


def chosen(runs: Sequence[TrainedRun], clip: str) -> list[TrainedRun]:
    """One run for each target: the first that was not trained on the clip, else the first."""
    found: dict[str, TrainedRun] = {}
    for run in sorted(runs, key=lambda run: clip in run.train):
        found.setdefault(run.target, run)
    return [found[target] for target in dict.fromkeys(run.target for run in runs)]


def _digests(paths: Sequence[Path]) -> dict[Path, str]:
    return dict(zip(paths, digest_inputs(paths), strict=True))
