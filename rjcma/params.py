"""The params file: sections by name, each checked against the class that its owner defines.

The classes live beside the code that they configure, so that a change to one does not put the
stages of another out of date. This module knows the sections' names only.
"""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from ruamel.yaml import YAML, YAMLError

from rjcma.problem import Problem

SECTIONS = (
    "recursions",
    "sample",
    "corpus",
    "faces",
    "speech",
    "punctuation",
    "text",
    "encoders",
    "windows",
    "fusion",
    "training",
    "runs",
)
"""All keys that may stand at the top level of a params file, in the order of the committed one."""

T = TypeVar("T")


class Section(BaseModel):
    """A section of the params file: immutable, and any key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")


def load(path: Path, name: str, kind: type[T]) -> T:
    """Section `name` of the params file, as a `kind` (a `Section` or a plain type).

    Raises `Problem` for a file that is not YAML, a top-level key that is not a section, and a
    section that is missing or has an unknown key, a wrong type or an impossible value.
    """
    sections = _read(path)
    if name not in sections:
        raise Problem(
            file=path,
            found=f"no section {name}",
            expected=f"the sections {', '.join(SECTIONS)}",
            cure=f"add the section {name} (the committed params.yaml has one)",
        )
    try:
        return TypeAdapter(kind).validate_python(sections[name])
    except ValidationError as error:
        raise _problem(path, name, kind, error) from None


def _read(path: Path) -> Mapping[str, Any]:
    try:
        sections = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError:
        raise Problem(
            file=path,
            found="no such file",
            expected="a params file",
            cure="run from the repository's root, or name the file with --params",
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise Problem(
            file=path, found=str(error), expected="YAML", cure="mend the file at that line"
        ) from None
    if not isinstance(sections, Mapping):
        raise Problem(
            file=path,
            found=type(sections).__name__,
            expected="sections by name",
            cure="start from the committed params.yaml",
        )
    for key in sections:
        if key not in SECTIONS:
            raise Problem(
                file=path,
                found=f"key {key} = {sections[key]!r}"[:200],
                expected=f"one of {', '.join(SECTIONS)}",
                cure="correct or remove that key",
            )
    return sections


def _problem(path: Path, name: str, kind: type, error: ValidationError) -> Problem:
    """The first mistake, as key, value and what is allowed."""
    mistake = error.errors(include_url=False)[0]
    key = ".".join([name, *(str(part) for part in mistake["loc"])])
    value = repr(mistake["input"])[:200]
    expected = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    if mistake["type"] == "extra_forbidden":
        expected = f"one of the keys {', '.join(_keys(kind, mistake['loc'][:-1]))}"
    if mistake["type"] == "missing":
        value, expected = "no value", "one"
    return Problem(file=path, found=f"{key} = {value}", expected=expected, cure=f"correct {key}")


def _keys(kind: Any, location: tuple[int | str, ...]) -> list[str]:
    """The keys that the section, or the part of it at `location`, knows."""
    for part in location:
        fields = getattr(kind, "model_fields", {})
        kind = fields[part].annotation if part in fields else kind
    return list(getattr(kind, "model_fields", {}))


@functools.cache
def dumped(section: BaseModel) -> str:
    """A section as canonical text, for keys: equal sections give equal text."""
    return section.model_dump_json()
