"""The key of a computed file: a recipe, which a stage's files share, and the file's own inputs.

A recipe is the digest of the code, the versions of the libraries that it computes with, the
settings, and the models by content. The machine, the time, the number of workers and the device are
in no key: a GPU's results differ from a CPU's in the last digits, but files of both may be mixed.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from pydantic import BaseModel, ConfigDict

from rjcma.jobs import code
from rjcma.jobs.digests import digest_value
from rjcma.problem import Problem

Model = str | Problem
"""The digest of a model's content, or the `Problem` that the model is missing here."""


class Recipe(BaseModel):
    """What all files of one stage have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """The digest of the code (`rjcma.jobs.code`)."""
    libraries: dict[str, str]
    """Versions by name."""
    settings: dict[str, Any]
    """Params sections, or parts of them, by name, as plain values."""
    models: dict[str, str]
    """Digests by the params key that names the model; empty if the model is missing here."""

    @functools.cached_property
    def id(self) -> str:
        """A short digest of all of it."""
        return digest_value(self.model_dump())[:12]

    @classmethod
    def of(
        cls,
        modules: Sequence[str],
        settings: Mapping[str, Any],
        models: Mapping[str, Model],
    ) -> Recipe:
        """The recipe of what these modules compute, from plain settings and models."""
        here = {key: m if isinstance(m, str) else "" for key, m in models.items()}
        return cls(
            code=code.digest(modules),
            libraries=code.libraries(modules),
            settings=dict(settings),
            models=here,
        )

    def changes(self, before: Recipe) -> list[str]:
        """What differs from the recipe `before`, in words; empty if nothing does.

        A model that is missing here counts as unchanged.
        """
        return [
            *(["code"] if self.code != before.code else []),
            *_differences(self.libraries, before.libraries),
            *_differences(self.settings, before.settings),
            *(f"another {key}" for key in self._other_models(before)),
        ]

    def adoptable(self, before: Recipe) -> bool:
        """Whether only the code, ours or the libraries', differs from the recipe `before`."""
        same_settings = not list(_differences(self.settings, before.settings))
        return same_settings and not self._other_models(before)

    def _other_models(self, before: Recipe) -> list[str]:
        changed = [key for key, m in self.models.items() if m != before.models.get(key) and m]
        return changed + [key for key in before.models if key not in self.models]


def _differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """Each value that differs, by dotted key: `faces.size 40 -> 48`."""
    new, old = dict(flat(now)), dict(flat(before))
    for key in [*new, *(key for key in old if key not in new)]:
        if key not in old:
            yield f"{key} {new[key]} added"
        elif key not in new:
            yield f"{key} {old[key]} removed"
        elif new[key] != old[key]:
            yield f"{key} {old[key]} -> {new[key]}"


def flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    """Each value by its dotted key; an empty mapping is a value.

    >>> dict(flat({"faces": {"size": 48}, "models": {}}))
    {'faces.size': 48, 'models': {}}
    """
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def modules_of(*callables: str | Callable[..., Any]) -> list[str]:
    """The modules of functions and classes, given as objects or as `module:name`."""
    return [c.partition(":")[0] if isinstance(c, str) else c.__module__ for c in callables]
