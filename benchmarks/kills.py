"""Kill `dvc repro` at random moments, again and again, and check that nothing is lost.

    python -m benchmarks.kills [--kills 100] [--seed 1]

Works in clones of this repository's last commit, in a temporary folder, on a small sample corpus.
One clone runs without interruption: the reference. In the others `dvc repro` and all its processes
are killed by SIGKILL at random moments, then `rjcma mend` and `dvc repro` follow, until it ends by
itself; then the next clone begins. After each kill:

- no file is half-written: every visible file has the bytes of the reference;
- what was complete before (files in ledgers, epochs in checkpoints) was not made again;
- what the killed run said it had done is in ledgers and checkpoints.

When a clone has ended, all its files and `dvc.lock` are those of the reference. Until then the
report, which `score` writes again as a whole, and the curves (`live/`), which are drawn again when
a run resumes, are not compared. The exit status is 1 if anything of this is not so.
"""

from __future__ import annotations

import hashlib
import os
import random
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import torch
import typer

from benchmarks.measuring import PATH, edit_params
from rjcma.jobs.ledger import Ledger

ROOT = Path(__file__).parents[1]

SETTINGS: dict[str, Any] = {
    "recursions": 1,
    "sample": {"length": 0.3, "videos": ["21-25-480x270", "28-30-480x270", "131", "104"]},
    "corpus": {"folds": 2},
    "windows": {"frames": 31, "stride": 23},
    "training": {"epochs": 12},
    "runs": {"folds": [0, 1]},
}
"""Params of a pipeline that takes a minute, of which training is a large part."""

LATEST = (0.1, 0.4, 1.0)
"""A kill comes, after the time that DVC needs to start, at a random moment of this share of the
reference's time; which share is random too, so that early stages are killed as well."""

PATIENCE = 30
"""After so many kills in a row without progress the script gives up."""


class Wrong(Exception):
    """A promise that does not hold."""


class Complete(NamedTuple):
    """What was complete in a clone at one moment."""

    files: dict[str, tuple[int, int]]
    """Of each file in a ledger: inode and time."""
    epochs: dict[str, int]
    """By run, as lines of progress name it, the epochs in its checkpoint."""

    @property
    def amount(self) -> int:
        return len(self.files) + sum(self.epochs.values())


class Clone:
    """A clone of this repository, with other params."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        subprocess.run(["git", "clone", "--quiet", ROOT, folder], check=True)
        edit_params(folder, SETTINGS)
        self.digests: dict[tuple[object, ...], str] = {}

    def repro(self, seconds: float | None) -> tuple[int | None, str]:
        """`dvc repro`, killed after `seconds`. -> its exit status, None if killed; its output."""
        log = self.folder.parent / "log"
        with open(log, "wb") as file:
            process = subprocess.Popen(
                ["dvc", "repro"],
                cwd=self.folder,
                env={**os.environ, "PATH": PATH},
                stdout=file,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
            try:
                status = process.wait(seconds)
            except subprocess.TimeoutExpired:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                _wait_for_group(process.pid)
                status = None
        return status, log.read_text(errors="replace")

    def mend(self) -> bool:
        """`rjcma mend`. -> whether a file of DVC was damaged."""
        done = subprocess.run(
            [sys.executable, "-m", "rjcma.cli", "mend"],
            cwd=self.folder,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise Wrong(f"rjcma mend: {done.stderr}")
        return bool(done.stdout.strip())

    def visible(self) -> dict[str, str]:
        """The digest of every file in data/ whose name, and whose folder's, has no dot first."""
        found = {}
        for path in (self.folder / "data").rglob("*"):
            place = path.relative_to(self.folder)
            if path.is_file() and not any(part.startswith(".") for part in place.parts):
                found[place.as_posix()] = self._digest(path)
        return found

    def everything(self) -> dict[str, str]:
        """The digest of every file in data/, and of dvc.lock."""
        paths = [*(self.folder / "data").rglob("*"), self.folder / "dvc.lock"]
        return {
            path.relative_to(self.folder).as_posix(): self._digest(path)
            for path in paths
            if path.is_file()
        }

    def complete(self) -> Complete:
        """What ledgers and checkpoints say."""
        files = {}
        for ledger in (self.folder / "data").rglob(".keys"):
            for name in Ledger(ledger.parent).entries:
                path = ledger.parent / name
                stat = path.stat()
                files[path.relative_to(self.folder).as_posix()] = stat.st_ino, stat.st_mtime_ns
        epochs = {}
        for path in (self.folder / ".rjcma/checkpoints").glob("[!.]*.pt"):
            state = torch.load(path, map_location="cpu", weights_only=True)["state"]
            target, _, fold = path.stem.partition("-")
            epochs[f"{target}, fold {fold}"] = len(state["history"])
        return Complete(files, epochs)

    def _digest(self, path: Path) -> str:
        stat = path.stat()
        key = (path, stat.st_ino, stat.st_size, stat.st_mtime_ns)
        if key not in self.digests:
            self.digests[key] = hashlib.blake2b(path.read_bytes(), digest_size=16).hexdigest()
        return self.digests[key]


def _wait_for_group(group: int) -> None:
    """Wait until no process of the group is left, at most 10 s: killed ones need a moment."""
    for _ in range(100):
        try:
            os.killpg(group, 0)
        except ProcessLookupError:
            return
        time.sleep(0.1)


def check_whole(clone: Clone, reference: dict[str, str]) -> None:
    """Every visible file, apart from report and curves, has the bytes of the reference."""
    for place, digest in clone.visible().items():
        if not place.startswith("data/report/") and "/live/" not in place:
            if place not in reference:
                raise Wrong(f"{place}: a file that the reference does not have")
            if digest != reference[place]:
                raise Wrong(f"{place}: other bytes than the reference's after a kill")


def check_kept(before: Complete, after: Complete, printed: str) -> None:
    """Nothing that was complete before was made again."""
    for place, stamp in before.files.items():
        if after.files.get(place) != stamp:
            raise Wrong(f"{place}: was complete, and was made again\n{printed}")
    for run, number in re.findall(r"(\w+, fold \d+): epoch (\d+),", printed):
        if int(number) <= before.epochs.get(run, 0) or _weights(run) in before.files:
            raise Wrong(f"{run}: epoch {number} was complete, and was trained again\n{printed}")


def check_recorded(after: Complete, printed: str) -> None:
    """All that the killed run said it had done is in ledgers and checkpoints."""
    kept = {f: int(n) for f, n in re.findall(r"^(\S+): \d+ in all, (\d+) kept", printed, re.M)}
    for folder, number in re.findall(r"^(\S+): (\d+)/\d+ \w+s done", printed, re.M):
        recorded = sum(Path(place).parent == Path(folder) for place in after.files)
        if folder in kept and recorded < kept[folder] + int(number):  # `sample` has no ledger
            raise Wrong(f"{folder}: {recorded} files are in the ledger; printed was\n{printed}")
    for run, number in re.findall(r"(\w+, fold \d+): epoch (\d+),", printed):
        before_last = int(number) - 1  # an epoch is printed just before it is saved
        if after.epochs.get(run, 0) < before_last and _weights(run) not in after.files:
            raise Wrong(f"{run}: epoch {before_last} is not in the checkpoint\n{printed}")


def _weights(run: str) -> str:
    """A file of a run that lines of progress name so."""
    return f"data/runs/{run.replace(', fold ', '-')}/weights.safetensors"


def check_end(clone: Clone, reference: dict[str, str]) -> None:
    """All files are those of the reference."""
    ended = clone.everything()
    differing = [n for n in sorted(ended.keys() | reference) if ended.get(n) != reference.get(n)]
    if differing:
        raise Wrong(f"{len(differing)} files differ from the reference: {differing[:5]}")


def last_stage(printed: str) -> str:
    """The stage in which a run of DVC was killed."""
    stages = re.findall(r"^Running stage '([^'@]+)", printed, re.MULTILINE)
    return stages[-1] if stages else "DVC itself, before any stage"


class Killer:
    """Kills runs in clones; keeps count."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.random = folder, random.Random(seed)
        self.kills: Counter[str] = Counter()
        self.mended = self.clones = 0
        reference = Clone(folder / "reference")
        began = time.monotonic()
        self._ended(*reference.repro(None))
        self.seconds = time.monotonic() - began
        self.reference = reference.everything()
        began = time.monotonic()
        self._ended(*reference.repro(None))
        self.start = time.monotonic() - began
        if reference.everything() != self.reference:
            raise Wrong("a second run in the reference changed files")

    def clone(self, most: int) -> None:
        """A new clone, killed until it ends by itself, `most` times at most."""
        self.clones += 1
        clone = Clone(self.folder / f"clone-{self.clones}")
        before, fruitless = clone.complete(), 0
        killed = 0
        while True:
            share = self.random.choice(LATEST)
            seconds = self.random.uniform(0, self.start + share * self.seconds)
            status, printed = clone.repro(seconds if killed < most else None)
            after = clone.complete()
            check_kept(before, after, printed)
            check_recorded(after, printed)
            if status is not None:
                self._ended(status, printed)
                break
            killed += 1
            self.kills[last_stage(printed)] += 1
            check_whole(clone, self.reference)
            self.mended += clone.mend()
            fruitless = 0 if after.amount > before.amount else fruitless + 1
            if fruitless == PATIENCE:
                raise Wrong(f"no progress in {PATIENCE} kills; the last run printed:\n{printed}")
            before = after
        check_end(clone, self.reference)
        subprocess.run(["rm", "-rf", clone.folder], check=True)

    def _ended(self, status: int | None, printed: str) -> None:
        if status:
            raise Wrong(f"dvc repro ended by itself with status {status}:\n{printed}")

    def table(self) -> str:
        lines = ["| killed in | kills |", "|---|---:|"]
        lines += [f"| {stage} | {count} |" for stage, count in self.kills.most_common()]
        return "\n".join([*lines, f"| all | {self.kills.total()} |"])


def main(
    kills: Annotated[int, typer.Option(min=1, help="How often to kill at least.")] = 100,
    seed: Annotated[int, typer.Option(help="Of the random moments.")] = 1,
    per_clone: Annotated[int, typer.Option(help="Then let the clone run to its end.")] = 25,
) -> None:
    """Kill, check, and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            killer = Killer(Path(folder), seed)
            print(
                f"reference: {killer.seconds:.0f} s; nothing to do: {killer.start:.1f} s",
                flush=True,
            )
            while (left := kills - killer.kills.total()) > 0:
                killer.clone(min(left, per_clone))
                print(f"{killer.kills.total()} kills, {killer.clones} clones ended", flush=True)
        except Wrong as wrong:
            sys.exit(f"wrong: {wrong}")
    print(f"\n{killer.table()}\n")
    print(f"A file of DVC was damaged, and mended, {killer.mended} times.")
    print(
        f"In {killer.clones} clones no finished file or epoch was made again, no file was"
        f" half-written, and all {len(killer.reference)} files are those of a run without kills."
    )


if __name__ == "__main__":
    typer.run(main)
