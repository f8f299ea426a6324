"""Where a report is that the user names: a folder, a run of `dvc exp show`, or a git revision.

The report of a run or a revision is taken from DVC's cache, or its remote, without changing what is
in the working folder.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from dvc.exceptions import DvcException
from dvc.repo import Repo
from dvc.repo.experiments.utils import resolve_name
from dvc_data.index import DataIndexDirError
from scmrepo.exceptions import SCMError

from rjcma.jobs.files import unwritable
from rjcma.problem import Problem
from rjcma.scoring.listing import FILE as LISTING

METRICS, TRACES = "metrics.json", "traces"
NEEDED = (METRICS, TRACES)
"""What a report must have to be compared."""
PAGES = ("index.html", "clips", "assets")
WORDS = "assets/data"
"""What of the pages is read."""

MISSING = (DvcException, DataIndexDirError, OSError)
"""What DVC raises for a file that is neither in its cache nor in its remote."""

STAGE = "score"
WORKSPACE = "workspace"
"""What `dvc exp show` calls the working folder."""


class Source(NamedTuple):
    """A report that was found."""

    name: str
    """What the user calls it."""
    folder: Path
    revision: str = ""
    """The commit that it was taken from; empty for a folder."""

    @property
    def shown(self) -> str:
        return f"{self.name} ({self.revision[:7]})" if self.revision else self.name

    @property
    def has_pages(self) -> bool:
        return all((self.folder / name).exists() for name in PAGES)


def find(name: str, scratch: Path, pages: bool) -> Source:
    """The report that `name` stands for; that of a revision is put into the folder `scratch`.

    With `pages`, all its files are taken, not only those that are compared. Raises `Problem` if
    there is no such report.
    """
    if not name:
        raise _unknown(name, "an empty name")
    if _is_report(Path(name)):
        return Source(name, Path(name))
    with _repository(name) as repo:
        if name == WORKSPACE:
            return Source(name, _complete(Path(repo.root_dir) / _report_of(repo, name)))
        revision = _revision(repo, name)
        with Repo.open(repo.root_dir, rev=revision) as there:
            _take(there, name, scratch, pages)
    return Source(name, _complete(scratch), revision)


def _is_report(folder: Path) -> bool:
    return all((folder / name).exists() for name in NEEDED)


def _complete(folder: Path) -> Path:
    if _is_report(folder):
        return folder
    raise Problem(
        file=folder,
        found=f"no {' or no '.join(name for name in NEEDED if not (folder / name).exists())}",
        expected="a report, as stage score writes it",
        cure="name the folder of a report, such as data/report; or make it by `dvc repro`",
    )


@contextmanager
def _repository(name: str) -> Iterator[Any]:
    try:
        repo = Repo()
    except DvcException as error:
        _complete_if_there(name)
        raise _unknown(name, f"no such folder, and {_line(error)}") from None
    with repo:
        yield repo


def _revision(repo: Any, name: str) -> str:
    """The commit of an experiment or a revision of git."""
    try:
        if (reference := resolve_name(repo.scm, [name])[name]) is not None:
            return str(repo.scm.get_ref(str(reference)))
        return str(repo.scm.resolve_rev(name))
    except (SCMError, DvcException):
        _complete_if_there(name)
        raise _unknown(name, "no such folder, experiment or revision") from None


def _complete_if_there(name: str) -> None:
    """Say what a folder lacks, if there is one of this name."""
    if Path(name).is_dir():
        _complete(Path(name))


def _unknown(name: str, found: str) -> Problem:
    return Problem(
        file=name,
        found=found,
        expected="the folder of a report, a run of `dvc exp show`, or a revision of git",
        cure="correct the name; `dvc exp show` lists runs, `git log --oneline` revisions",
    )


def _report_of(repo: Any, name: str) -> str:
    """The folder of the report in this version of the project."""
    try:
        outs = [out for stage in repo.index.stages if stage.name == STAGE for out in stage.outs]
    except DvcException as error:
        raise _unknown(name, f"no pipeline that can be read: {_line(error)}") from None
    paths = [Path(out.def_path) for out in outs]
    found = [path.parent.as_posix() for path in paths if path.name == METRICS]
    if not found:
        raise _unknown(name, f"no stage {STAGE} that writes {METRICS}")
    return found[0]


def _take(repo: Any, name: str, folder: Path, pages: bool) -> None:
    """Copy a revision's report, as far as it is needed, out of DVC's cache or remote."""
    report = _report_of(repo, name)
    names = [Path(path).name for path in _listed(repo, report, name)]
    has = {each for each in names if not each.startswith(".")}
    wanted = sorted(has) if pages else [each for each in (*NEEDED, LISTING) if each in has]
    if not pages and "assets" in has:
        wanted.append(WORDS)
    folder.mkdir(parents=True, exist_ok=True)
    for each in wanted:
        target = folder / each
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            repo.dvcfs.get(f"{report}/{each}", str(target), recursive=True)
        except MISSING as error:
            shutil.rmtree(folder, ignore_errors=True)
            if refused := unwritable(error, folder):
                raise refused from None
            raise _not_here(name, f"{report}/{each}", error) from None


def _listed(repo: Any, report: str, name: str) -> list[str]:
    try:
        return list(repo.dvcfs.ls(report, detail=False))
    except MISSING as error:
        raise _not_here(name, report, error) from None


def _not_here(name: str, path: str, error: Exception) -> Problem:
    return Problem(
        file=name,
        found=f"that {path} of this version is neither in DVC's cache nor in its remote"
        f" ({type(error).__name__})",
        expected="the report of a run that was kept",
        cure=f"get it by `dvc exp apply {name}`, or `git checkout {name}`, and then `dvc pull`; or"
        " make it there again by `dvc repro`",
    )


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
