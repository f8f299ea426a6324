"""Six runs one after another, and side by side, on this machine.

    python -m benchmarks.runs

Works in a clone of this repository's last commit, in a temporary folder, which computes the
features of the sample once. From there the sample's six runs and the report are made

- one run after another, by `dvc repro`, a run on one core, as in `params.yaml`;
- the same, a run on all cores (`training.threads: null`);
- as many runs at once as there are cores (or GPUs), by `rjcma make train`; then `dvc repro`.

Printed are seconds and their ratio to the first. The first and the last must write the same files.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.measuring import cost, edit_params

ROOT = Path(__file__).parents[1]
MAKE_TRAIN = (sys.executable, "-m", "rjcma.cli", "make", "train")


def main() -> None:
    """Measure, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        features = Path(folder) / "features"
        subprocess.run(["git", "clone", "--quiet", ROOT, features], check=True)
        cost(["dvc", "repro", "encode", "embed_text"], features)
        alone, spent = in_copy(features, "alone")
        print("| six runs and the report | s | ratio |\n|---|---:|---:|", flush=True)
        told("one after another, a core each", spent, spent)
        _, all_cores = in_copy(features, "all", threads=None)
        told("one after another, all cores each", all_cores, spent)
        together, side = in_copy(features, "together", MAKE_TRAIN)
        told("side by side", side, spent)
        if contents(alone) != contents(together):
            sys.exit("the runs side by side wrote other files")


def in_copy(
    features: Path, name: str, *before: tuple[str, ...], threads: int | None = 1
) -> tuple[Path, float]:
    """Train in a copy of a clone, by these commands and `dvc repro`. -> the copy, seconds."""
    copy = features.parent / name
    shutil.copytree(features, copy, symlinks=True)
    edit_params(copy, {"training": {"threads": threads}})
    cost(["dvc", "repro", "encode", "embed_text"], copy)  # the files have other times
    return copy, sum(cost(command, copy).seconds for command in (*before, ("dvc", "repro")))


def contents(clone: Path) -> dict[str, bytes]:
    """All files of runs and report."""
    return {
        path.relative_to(clone).as_posix(): path.read_bytes()
        for part in ("runs", "report")
        for path in (clone / "data" / part).rglob("*")
        if path.is_file()
    }


def told(what: str, seconds: float, first: float) -> None:
    print(f"| {what} | {seconds:.0f} | {first / seconds:.2f} |", flush=True)


if __name__ == "__main__":
    main()
