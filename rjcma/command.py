"""How a stage or a command is run: a typer function whose problems are lines, not tracebacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import typer

from rjcma.jobs.digests import remember_in
from rjcma.problem import Problem, Problems

DIGESTS = Path(".rjcma/digests.jsonl")
"""Where digests of files are remembered, on this machine."""


def run(main: Callable[..., Any]) -> None:
    """Run `main` on the command line's arguments; leave with status 1 when it meets a problem."""
    with problems_as_lines():
        typer.run(main)


@contextmanager
def problems_as_lines() -> Iterator[None]:
    """Turn a `Problem` into its line on stderr and exit status 1; remember digests of files."""
    remember_in(DIGESTS)
    try:
        yield
    except (Problem, Problems) as problem:
        lines = str(problem).splitlines()
        print("\n".join(f"problem: {line}" for line in lines), file=sys.stderr)
        sys.exit(1)
    finally:
        remember_in(None)
