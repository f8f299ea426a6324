"""Find a video's properties, as stage `index` does, and write them down."""

from __future__ import annotations

from pathlib import Path

from rjcma.corpus.video import probe
from rjcma.problem import Problem


def write(video: Path, path: Path) -> None:
    """Write a video's properties (`rjcma.corpus.probe.Probe`) as JSON.

    Raises `Problem` for a file that is no video or cannot be decoded.
    """
    try:
        found = probe(video)
    except Problem as problem:
        raise _without_corpus(problem) from None
    path.write_text(found.model_dump_json() + "\n")


def _without_corpus(problem: Problem) -> Problem:
    """The problem of a video that belongs to no corpus."""
    return Problem(
        file=problem.file,
        found=problem.found,
        expected=problem.expected,
        cure="give another file, or convert this one again",
    )
