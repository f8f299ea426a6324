"""What is done of each stage, and what the next `dvc repro` would make. Nothing is run.

Files are judged by their keys, as the stages judge them. A file that was never read on this machine
is taken to be what its folder's ledger says; `verify` reads every file.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence, Set
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

from dvc.repo import Repo
from tqdm import tqdm

from rjcma.corpus.layout import SIDES
from rjcma.jobs.digests import assume, digest_read
from rjcma.jobs.files import read_json
from rjcma.jobs.inputs import MISSING
from rjcma.jobs.ledger import INPUT, LOST, NEW, Ledger
from rjcma.jobs.progress import Progress
from rjcma.jobs.work import FAILED, Job, Work
from rjcma.jobs.workers import worker_count
from rjcma.mend import running
from rjcma.pipeline import Stage, repository, stages
from rjcma.problem import Problem

COLUMNS = ("stage", "unit", "all", "done", "stale", "missing", "failed", "bytes", "next dvc repro")
ALWAYS = "index"
"""The stage that runs each time, since it looks for changes outside the repository."""
RUNS = "train"
"""The stage whose variants make one run each."""
NOT_HERE = "input not here"
WAITS = (
    "cannot be told before their inputs are here: `dvc repro` makes them; "
    "`rjcma pull` fetches what a team shares"
)


class State(NamedTuple):
    """What is done of a stage; of all its variants together if each makes one run."""

    name: str
    unit: str
    """What one job makes: a clip, video or run. Empty for a stage that is not divided into jobs."""
    done: int
    stale: Counter[str]
    """Jobs whose files are outdated, by reason."""
    missing: int
    """Jobs of which a file was never made, or is lost."""
    failed: Mapping[str, str]
    """By name, the jobs that failed when they were last tried, and why."""
    size: int
    """Bytes of the files that exist, outdated ones included."""
    now: int
    """Jobs that the next run makes in any case."""
    later: int
    """The most jobs that it makes besides, since earlier stages may change their inputs."""
    notes: Sequence[str]
    """What keeps the stage from running, or from being judged; empty if nothing does."""
    changed: bool
    """For a stage that is not divided into jobs: whether it will run."""

    @property
    def lacking(self) -> int:
        """The number of jobs that are not done."""
        return sum(self.stale.values()) + self.missing + len(self.failed)


def status() -> list[State]:
    """The state of each stage of the pipeline, in the order in which they run."""
    found = stages()
    _assume_ledgers(found)
    outdated: dict[str, set[str]] = {}  # by stage, the names of its jobs that will be made
    absent = {s.name for s in found if not all(out.exists() for out in s.outs)}
    return _together([_state(stage, outdated, absent) for stage in found])


def _state(stage: Stage, outdated: dict[str, set[str]], absent: Set[str]) -> State:
    """The state of one stage; enters what it will make into `outdated`, which has it of others.

    `absent` are the stages whose outputs are not all here.
    """
    before = set[str]().union(*(outdated[name] for name in stage.before))
    blank = State(stage.name, "", 0, Counter(), 0, {}, 0, 0, 0, (), False)
    try:
        work = stage.work()
    except Problem as problem:
        outdated[stage.name] = before
        return blank._replace(notes=(WAITS if stage.before & absent else str(problem),))
    outdated[stage.name] = set()
    if work is None:
        return blank._replace(changed=stage.changed or bool(before) or stage.base == ALWAYS)
    lacking, failures = Ledger(work.folder).lacks(work.wanted), _failures(work.folder)
    affected = _Affected(before)
    stale: Counter[str] = Counter()
    failed = {}
    done = missing = now = later = 0
    for job in work.jobs:
        reasons = next((lacking[name] for name in work.names(job) if name in lacking), ())
        certain = bool(set(reasons) - {INPUT})
        uncertain = not certain and affected.includes(job, work)
        now += bool(reasons) and not uncertain
        later += uncertain
        if reasons or uncertain:
            outdated[stage.name].add(job.name)
        if not reasons:
            done += 1
        elif job.name in failures:
            failed[job.name] = failures[job.name]
        elif {NEW, LOST} & set(reasons):
            missing += 1
        else:
            absent_input = MISSING in job.digests.values()
            told = (NOT_HERE if why == INPUT and absent_input else why for why in reasons)
            stale[" and ".join(told)] += 1
    models = {str(model) for model in work.models.values() if isinstance(model, Problem) and now}
    size = sum(_size(work.folder / name) for name in work.wanted)
    counts = (done, stale, missing, failed, size, now, later)
    return State(stage.name, work.unit, *counts, sorted(models), False)


class _Affected:
    """Which jobs may have other inputs when the jobs of these names have been done.

    Names are those of clips and videos; a clip is named like its video, or with a side added.
    """

    def __init__(self, names: Collection[str]) -> None:
        self.names, self.videos = set(names), {_video(name) for name in names}

    def includes(self, job: Job, work: Work) -> bool:
        """Whether this is one of them. A run depends on all clips."""
        if work.unit == "run":
            return bool(self.names)
        return bool({job.name, _video(job.name)} & self.names) or job.name in self.videos


def _video(clip: str) -> str:
    """The name of the video that a clip of two in one video would have."""
    return next((clip.removesuffix(side) for side in SIDES if clip.endswith(side)), clip)


def _together(states: Iterable[State]) -> list[State]:
    """The states, with those of all runs of one stage added up."""
    added: dict[str, State] = {}
    for state in states:
        base = state.name.partition("@")[0]
        name = base if base == RUNS else state.name
        if name in added:
            first = added[name]
            state = State(
                name,
                first.unit or state.unit,
                first.done + state.done,
                first.stale + state.stale,
                first.missing + state.missing,
                {**first.failed, **state.failed},
                first.size + state.size,
                first.now + state.now,
                first.later + state.later,
                list(dict.fromkeys([*first.notes, *state.notes])),
                False,
            )
        added[name] = state._replace(name=name)
    return list(added.values())


def _assume_ledgers(found: Sequence[Stage]) -> None:
    for folder in {out for stage in found for out in stage.outs}:
        assume({folder / name: e.digest for name, e in Ledger(folder).entries.items()})


def _failures(folder: Path) -> dict[str, str]:
    """The jobs that failed in the last run, and why."""
    path = folder / FAILED
    if not path.is_file():
        return {}
    content = read_json(path, expected="the jobs that failed", cure="delete the file")
    return {str(name): str(problem) for name, problem in content.items()}


def _size(path: Path) -> int:
    return path.stat().st_size if path.is_file() else 0


def table(states: Sequence[State]) -> str:
    """The states as text: a table, then why files are stale, then what failed or is lacking."""
    rows = [COLUMNS, *map(_row, states)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(COLUMNS))]
    lines = ["  ".join(map(_aligned, range(len(COLUMNS)), row, widths)).rstrip() for row in rows]
    notes: dict[str, list[str]] = {}
    for state in states:
        for note in state.notes:
            notes.setdefault(note, []).append(state.name)
    lines += [line for state in states for line in _details(state)]
    return "\n".join([*lines, *(f"{', '.join(names)}: {note}" for note, names in notes.items())])


def _aligned(column: int, cell: str, width: int) -> str:
    return cell.rjust(width) if 2 <= column < len(COLUMNS) - 1 else cell.ljust(width)


def _row(state: State) -> tuple[str, ...]:
    if not state.unit:
        then = "cannot be told yet" if state.notes else "runs" if state.changed else "-"
        then += ": clips that are new or changed in the corpus add to this" * (state.name == ALWAYS)
        return (state.name, *[""] * 7, then)
    counts = (
        state.done + state.lacking,
        state.done,
        sum(state.stale.values()),
        state.missing,
        len(state.failed),
    )
    now = f"makes {state.now}" if state.now else ""
    later = f"up to {state.later}{' more' if now else ''} if inputs change" if state.later else ""
    then = ", ".join(filter(None, (now, later))) or "-"
    return (state.name, state.unit, *map(str, counts), tqdm.format_sizeof(state.size, "B"), then)


def _details(state: State) -> Iterator[str]:
    if state.stale:
        reasons = ", ".join(f"{count} {reason}" for reason, count in state.stale.most_common())
        yield f"{state.name}: stale: {reasons}"
    for name, problem in sorted(state.failed.items()):
        yield f"{state.name}: {name} failed: {problem}"


class Damaged(NamedTuple):
    """A file whose content is not what its ledger says."""

    path: Path
    cached: Path | None
    """The copy in DVC's cache, if that is damaged as well."""


def problem(damaged: Damaged) -> Problem:
    """A damaged file as a problem."""
    cached = " (the copy in DVC's cache too: removed)" if damaged.cached else ""
    return Problem(
        file=damaged.path,
        found=f"other bytes than were written{cached}",
        expected="the content that its ledger says",
        cure="run `dvc repro`, which makes this file again; look after the disk",
    )


def verify() -> tuple[int, list[Damaged]]:
    """Read every file that is up to date, and compare it with its ledger.

    Damaged files lose their entries, and damaged copies of them in DVC's cache are removed, so that
    the next `dvc repro` makes these files again, and no others. Otherwise it would not even look:
    DVC knows a file by its size and time. -> the number of files read, and those that are damaged.

    Raises `Problem` while DVC or a stage is running here.
    """
    root = Path.cwd()
    if active := next(running(root), None):
        raise Problem(
            file=root,
            found=f"process {active[0]}, which is running here ({active[1]})",
            expected="files that do not change while they are verified",
            cure="wait until that process ends, then try again",
        )
    count, damaged = 0, []
    with repository() as repo:
        for folder in sorted({out for stage in stages() for out in stage.outs}):
            ledger = Ledger(folder)
            names = [name for name in sorted(ledger.entries) if _exists(folder / name)]
            bad = _damaged(ledger, names)
            for name in bad:
                file = (folder / name).relative_to(root)
                cached = _damaged_in_cache(repo, file)
                if cached is not None:
                    cached.unlink()
                if file.is_symlink() and not file.exists():  # DVC stops at a broken link
                    file.unlink()
                damaged.append(Damaged(file, cached))
            if bad:
                ledger.keep(ledger.entries.keys() - set(bad))
                ledger.write()
            count += len(names)
    return count, damaged


def _damaged(ledger: Ledger, names: Sequence[str]) -> list[str]:
    """The files whose content is not what the ledger says, or cannot be read."""
    paths = [ledger.folder / name for name in names]
    bad = []
    with (
        Progress(f"reading {ledger.folder}", len(names), "file", last_line=False) as progress,
        ThreadPoolExecutor(worker_count()) as pool,
    ):
        for name, digest in zip(names, pool.map(_digest, paths), strict=True):
            progress.step()
            if digest != ledger.entries[name].digest:
                bad.append(name)
    return bad


def _exists(path: Path) -> bool:
    """Whether there is such a file, or a link into DVC's cache, broken or not."""
    return path.is_file() or path.is_symlink()


def _digest(path: Path) -> str:
    """The digest of a file's content; empty if it cannot be read."""
    try:
        return digest_read(path)
    except OSError:
        return ""


def _damaged_in_cache(repo: Repo, file: Path) -> Path | None:
    """The copy of a file in DVC's cache, if there is one and it is damaged.

    Without it DVC would put the damaged copy in the place of the file that is made again: it has
    the name of the right content.
    """
    try:
        digest = repo.index.data["repo"][file.parts].hash_info.value
    except KeyError:  # DVC has not recorded this file
        return None
    path = Path(repo.cache.local.oid_to_path(digest))
    return path if path.is_file() and _md5(path) != digest else None


def _md5(path: Path) -> str:
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "md5").hexdigest()
