"""`rjcma models`: what is published by others, listed, fetched and checked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rjcma.problem import Problem, Problems

if TYPE_CHECKING:
    from rjcma.models.registry import Entry

app = typer.Typer(help="The models that must be downloaded.", no_args_is_help=True)

REGISTRY = "A registry of your own, in the form of rjcma/models/registry.toml."


@app.command("list")
def list_models(
    names: Annotated[list[str] | None, typer.Argument(help="Some of them; else all.")] = None,
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """List models: what each is for, where it comes from, and the line of params.yaml to write."""
    from rjcma.models.catalogue import listed
    from rjcma.models.fetch import FOLDER

    print(listed(_entries(names, registry), FOLDER))


@app.command("fetch")
def fetch_models(
    names: Annotated[list[str], typer.Argument(help="Their names, as `list` shows them.")],
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """Fetch models into models/. What was interrupted goes on where it stopped.

    RJCMA_MODELS=PLACE fetches from a folder or an HTTP server that has the models, instead of from
    their publishers.
    """
    from rjcma.models.fetch import fetch

    problems = []
    for entry in _entries(names, registry):
        try:
            print(fetch(entry), flush=True)
            print(f"  in params.yaml: {entry.params}", flush=True)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)


@app.command("check")
def check_models(
    names: Annotated[list[str] | None, typer.Argument(help="Some of them; else all.")] = None,
    registry: Annotated[Path | None, typer.Option(help=REGISTRY)] = None,
) -> None:
    """Read the models that are here, and compare them with what is published and was fetched."""
    from rjcma.models import catalogue
    from rjcma.models.fetch import FOLDER

    problems = []
    for entry in _entries(names, registry):
        try:
            print(catalogue.check(entry, FOLDER), flush=True)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(problems)


def _entries(names: Sequence[str] | None, registry: Path | None) -> list[Entry]:
    from rjcma.models import registry as registries

    entries = registries.read(registry or registries.COMMITTED)
    return registries.chosen(entries, names or entries)
