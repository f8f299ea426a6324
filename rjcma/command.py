"""How a stage or a command is run: a typer function whose problems are lines, not tracebacks."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

from rjcma.problem import Problem, Problems


def run(main: Callable[..., Any]) -> None:
    """Run `main` on the command line's arguments; leave with status 1 when it meets a problem."""
    with answered():
        typer.run(main)


@contextmanager
def answered() -> Iterator[None]:
    """Turn a `Problem` into its line on stderr and exit status 1."""
    try:
        yield
    except (Problem, Problems) as problem:
        lines = str(problem).splitlines()
        print("\n".join(f"problem: {line}" for line in lines), file=sys.stderr)
        sys.exit(1)
