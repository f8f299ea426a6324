"""The attention of the networks for clips of one's own, for their pages, as stage `attend` does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from rjcma.attention.attend_all import needs
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip
from rjcma.predict.trained import Trained
from rjcma.scoring.settings import Runs


def work(
    clips: Sequence[Clip],
    runs: Sequence[Trained],
    folders: Mapping[str, Path],
    out: Path,
    device_name: str,
) -> Work:
    """Write `out/<clip>.h5` for each clip: the attention of the first network of each target.

    `folders` has the features by modality. As many windows are kept as for clips of a corpus whose
    params do not say another number.
    """
    first = {run.target: run for run in reversed(runs)}
    networks = [first[target] for target in dict.fromkeys(run.target for run in runs)]
    limit = Runs().attention
    jobs = [
        Job(
            clip.name,
            (clip, [(run.target, run.fold, False, run.folder) for run in networks]),
            {
                **{run.name: run.digest for run in networks},
                **{m: digest_input(folder / f"{clip.name}.h5") for m, folder in folders.items()},
            },
            clip.frames,
        )
        for clip in clips
    ]
    return Work(
        "rjcma.attention.attend:attend",
        jobs,
        out,
        ".h5",
        stage="predict",
        common=(dict(folders), limit, device_name),
        settings={"runs.attention": limit},
        workers="threads",
        needs=needs(len(networks), device_name),
    )
