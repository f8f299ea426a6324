"""What it costs to look: `dvc repro` with nothing to do, and after changes of the code.

    python -m benchmarks.looking [--train]

Works on a copy of the project and of what `make repro` has made here, in a temporary folder. For
each case: wall-clock seconds, which stages ran, what they made anew, and the seconds beside those
of `dvc repro` with nothing to do, all in one run. With --train the last case, a change of meaning
in `rjcma/audio/logmel.py`, is run to its end, which trains every network again.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, NamedTuple

import typer

ROOT = Path(__file__).parents[1]
REPEATS = 3  # of the cases that leave nothing changed; the median is told


class Looked(NamedTuple):
    """One run of DVC."""

    seconds: float
    ran: list[str]
    """Stages."""
    made: dict[str, str]
    """What was made anew, and why, by folder."""


def main(
    train: Annotated[bool, typer.Option(help="Run the last case to its end.")] = False,
) -> None:
    """Measure, and print a line a case."""
    with tempfile.TemporaryDirectory() as folder:
        copy = Path(folder) / "project"
        shutil.copytree(ROOT, copy, symlinks=True, ignore=shutil.ignore_patterns(".venv", ".git"))
        for command in ("git init -q", "git add -A", "git commit -q -m copy"):
            subprocess.run(command.split(), cwd=copy, check=True)
        repro(copy)  # the copy's files have other times: they are digested once
        python = seconds_of([sys.executable, "-c", "pass"], copy)
        dvc = seconds_of(["dvc", "--version"], copy)
        idle = sorted((repro(copy) for _ in range(REPEATS)), key=lambda one: one.seconds)[1]
        print(f"Python alone {python:.2f} s, `dvc --version` {dvc:.2f} s")
        told("nothing changed", idle, idle)
        told("a comment in rjcma/store.py", changed(copy, ["rjcma/store.py"], comment), idle)
        every = [p.relative_to(copy).as_posix() for p in copy.glob("rjcma/**/*.py")]
        every += [p.relative_to(copy).as_posix() for p in copy.glob("stages/*.py")]
        told("a comment in every module and stage", changed(copy, every, comment), idle)
        scoring = changed(copy, ["rjcma/scoring/metrics.py"], lambda text: text + "\nADDED = 1\n")
        told("other code in rjcma/scoring", scoring, idle)
        if train:
            other = changed(copy, ["rjcma/audio/logmel.py"], offset)
            told("another constant in rjcma/audio/logmel.py", other, idle)


def comment(text: str) -> str:
    return text + "# a comment\n"


def offset(text: str) -> str:
    return text.replace("OFFSET = 0.01", "OFFSET = 0.5")


def changed(copy: Path, paths: list[str], change: Callable[[str], str]) -> Looked:
    """`dvc repro` after a change of these files."""
    for path in paths:
        text = (copy / path).read_text()
        assert change(text) != text, path
        (copy / path).write_text(change(text))
    return repro(copy)


def repro(copy: Path) -> Looked:
    began = time.perf_counter()
    done = subprocess.run(["dvc", "repro"], cwd=copy, capture_output=True, text=True)
    seconds = time.perf_counter() - began
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    lines = (done.stdout + done.stderr).splitlines()
    ran = [line.split("'")[1] for line in lines if line.startswith("Running stage")]
    plans = [re.match(r"(\S+): .* to make \((.*)\)", line) for line in lines]
    return Looked(seconds, ran, {plan[1]: plan[2] for plan in plans if plan})


def seconds_of(command: list[str], folder: Path) -> float:
    began = time.perf_counter()
    subprocess.run(command, cwd=folder, check=True, capture_output=True)
    return time.perf_counter() - began


def told(case: str, found: Looked, idle: Looked) -> None:
    more = (found.seconds - idle.seconds) / max(len(found.ran) - len(idle.ran), 1)
    line = f"{case}: {found.seconds:.1f} s, {found.seconds / idle.seconds:.1f} times as long"
    line += f", {len(found.ran)} stages ran"
    line += f", {more:.2f} s for each more" if found is not idle else ""
    print(f"{line}; made anew: {', '.join(found.made) or 'nothing'}")


if __name__ == "__main__":
    typer.run(main)
