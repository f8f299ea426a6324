"""The key of what is computed: a recipe, which a stage's files share, and each file's inputs.

A recipe is what the code means, the versions of the libraries that it computes with, the settings,
and the models by content. Where, when and by how many workers something was computed is in no key,
nor is the device: on a GPU the last digits differ, and a store may be filled by either.
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
"""A model's identity, the digest of its content; or the problem that it is not here."""


class Recipe(BaseModel):
    """All that files of one stage have in common."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    code: str
    """The digest of what the code means (`rjcma.jobs.code`)."""
    libraries: dict[str, str]
    """Versions by name."""
    settings: dict[str, Any]
    """Params sections, or parts of them, by name, as plain values."""
    models: dict[str, str]
    """Identities by the params key that names the model; empty where a model is not here."""

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
            code=code.meaning(modules),
            libraries=code.libraries(modules),
            settings=dict(settings),
            models=here,
        )

    def changes(self, before: Recipe) -> list[str]:
        """What is another thing than in the recipe before, in words; nothing where all is the same.

        A model that is not here cannot be told from the one before.
        """
        return [
            *(["code"] if self.code != before.code else []),
            *_differences(self.libraries, before.libraries),
            *_differences(self.settings, before.settings),
            *(f"another {key}" for key in self._other_models(before)),
        ]

    def adoptable(self, before: Recipe) -> bool:
        """Whether nothing but the code, ours or the libraries', is another."""
        same_settings = not list(_differences(self.settings, before.settings))
        return same_settings and not self._other_models(before)

    def _other_models(self, before: Recipe) -> list[str]:
        here = [key for key, name in self.models.items() if name != before.models.get(key) and name]
        return here + [key for key in before.models if key not in self.models]


def _differences(now: Mapping[str, Any], before: Mapping[str, Any]) -> Iterator[str]:
    """Each value that differs, by dotted key: `faces.size 40 -> 48`."""
    one, other = dict(_flat(now)), dict(_flat(before))
    for key in [*one, *(key for key in other if key not in one)]:
        if key not in other:
            yield f"{key} {one[key]}, which is new"
        elif key not in one:
            yield f"{key} {other[key]}, which is gone"
        elif one[key] != other[key]:
            yield f"{key} {other[key]} -> {one[key]}"


def _flat(values: Mapping[str, Any], above: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping) and value:
            yield from _flat(value, f"{above}{key}.")
        else:
            yield f"{above}{key}", value


def modules_of(*things: str | Callable[..., Any]) -> list[str]:
    """The modules of functions and classes, given as such or as `module:name`."""
    return [t.partition(":")[0] if isinstance(t, str) else t.__module__ for t in things]
