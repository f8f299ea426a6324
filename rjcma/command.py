"""Run a stage or a command, a typer function; a `Problem` is printed as a line, not a traceback."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from rjcma.jobs.digests import remember_in
from rjcma.jobs.files import unwritable
from rjcma.problem import Problem, Problems

DIGESTS = Path(".rjcma/digests.jsonl")
"""The file, on this machine, in which digests of files are remembered."""

_KIND = "a folder where a folder is asked for, and a file where a file is"
EXPECTED = {
    errno.EISDIR: _KIND,
    errno.ENOTDIR: _KIND,
    errno.EEXIST: _KIND,
    errno.ENAMETOOLONG: "a name that a file can have",
}
"""What is expected of a path that the user names, by the number of the system's error."""


def run(main: Callable[..., Any]) -> None:
    """Run `main` with the command line's arguments; exit with status 1 if it raises a `Problem`.

    It does the whole work of a stage: DVC would record a shard of it as if it were complete.
    """
    with problems_as_lines():
        if shard := os.environ.get("RJCMA_SHARD"):
            raise Problem(
                file="RJCMA_SHARD",
                found=repr(shard),
                expected="no shard in `dvc repro`, which records whole stages",
                cure="run a shard by `rjcma make STAGE`; unset RJCMA_SHARD for `dvc repro`",
            )
        typer.run(main)


@contextmanager
def problems_as_lines() -> Iterator[None]:
    """Print a `Problem` on stderr and exit with status 1; meanwhile remember digests of files.

    A full disk, a folder that must not be written, a folder in place of a file, or the other way
    round, and a name that no file can have are problems too. A package that cannot be imported is a
    line that names the doctor.
    """
    remember_in(DIGESTS)
    try:
        yield
    except (Problem, Problems) as problem:
        _print(problem)
        sys.exit(1)
    except ImportError as error:
        if (error.name or "").partition(".")[0] == "rjcma":
            raise
        sys.exit(f"problem: {error}: run `rjcma doctor`, which says what to do")
    except OSError as error:
        refused = _of_a_wrong_path(error) or unwritable(error, Path.cwd())
        if refused is None:
            raise
        _print(refused)
        sys.exit(1)
    finally:
        remember_in(None)


def _of_a_wrong_path(error: OSError) -> Problem | None:
    """The problem of a path that names another kind of thing, or that nothing can have."""
    expected = EXPECTED.get(error.errno or 0)
    if expected is None or error.filename is None:
        return None
    found, cure = str(error.strerror).lower(), "name another path"
    return Problem(file=error.filename, found=found, expected=expected, cure=cure)


def _print(problem: Problem | Problems) -> None:
    lines = str(problem).splitlines()
    print("\n".join(f"problem: {line}" for line in lines), file=sys.stderr)
