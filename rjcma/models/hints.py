"""What `rjcma models fetch` can do about a model that is missing."""

from __future__ import annotations

from pathlib import Path

from rjcma.models.registry import Entry, read
from rjcma.problem import Problem


def with_hint(problem: Problem, key: str, named: str, kind: str = "") -> Problem:
    """The problem of a missing model, whose cure begins with what fetches it, if anything does.

    `key` is the params key, and `named` what the params file says there; `kind` is the kind of the
    encoder, or the engine, whose models those of others cannot replace.
    """
    fitting = [entry for entry in read().values() if entry.key == key and _suits(entry, kind)]
    if not fitting:
        return problem
    entry = next((entry for entry in fitting if _is(entry, named)), fitting[0])
    get = entry.ask or f"`rjcma models fetch {entry.name}`"
    place = f"models/{entry.lands}"
    write = "" if named == place else f" and set {key} to {place}"
    other = f"correct {key}" if entry.hub and not write else problem.cure
    return Problem(
        clip=problem.clip,
        file=problem.file,
        found=problem.found,
        expected=problem.expected,
        cure=f"{get}{write}; or {other}",
    )


def _suits(entry: Entry, kind: str) -> bool:
    """Whether the model is one of this kind, or for this engine, if any is named."""
    return not kind or any(f"{word}: {kind}," in entry.params for word in ("kind", "engine"))


def _is(entry: Entry, named: str) -> bool:
    """Whether params name this model: its place, or its name on the hub, long or short."""
    on_hub = bool(entry.hub) and named in (entry.hub, entry.hub.partition("/")[2])
    return Path(named).name == entry.lands or on_hub
