"""The params file: sections by name, each checked against the class that its owner defines.

The classes live beside the code that they configure. This module knows the sections' names only.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import (
    Annotated,
    Any,
    ClassVar,
    Literal,
    NamedTuple,
    TypeVar,
    Union,
    get_args,
    get_origin,
)

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails
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


class _NotKeyed:
    """The mark of a field that is in no key."""


NotKeyed = _NotKeyed()
"""`Annotated[str, NotKeyed]`: a field that says where something is, or where and how it is run, and
so shapes no result: a device, frames at a time, the place of a model, which is known by its
content."""


class Section(BaseModel):
    """A section of the params file: immutable, and any key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions, and what to set instead."""


def load(path: Path, name: str, kind: Any) -> Any:
    """Section `name` of the params file, as a `kind`: a `Section`, a union of such, a plain type.

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
    return checked(kind, sections[name], name, path)


def checked(kind: Any, value: Any, name: str, where: object) -> Any:
    """A section's value as a `kind`. Raises `Problem` for its first mistake, by dotted key."""
    try:
        return _adapter(kind).validate_python(value)
    except ValidationError as error:
        key, found, expected = first_mistake(error, kind, name)
        cure = f"correct {key}"
        raise Problem(file=where, found=f"{key} = {found}", expected=expected, cure=cure) from None


def keyed(section: BaseModel) -> dict[str, Any]:
    """What of a section is in keys, as plain values: all but what is marked `NotKeyed`.

    >>> class Faces(Section):
    ...     size: int = 48
    ...     device: Annotated[str, NotKeyed] = "auto"
    >>> keyed(Faces())
    {'size': 48}
    """
    kept = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if NotKeyed not in field.metadata:
            plain = section.model_dump(mode="json", include={name})[name]
            kept[name] = keyed(value) if isinstance(value, BaseModel) else plain
    return kept


def first_mistake(error: ValidationError, kind: Any, *above: str) -> tuple[str, str, str]:
    """The first mistake of a validation, in the words of the user's file.

    -> the dotted key (below `above`), the value that is there, and what is allowed.
    """
    mistake = error.errors(include_url=False)[0]
    place = _place(kind, mistake["loc"])
    key = ".".join([*above, *map(str, place.keys)])
    value = _shown(mistake["input"])
    match mistake["type"]:
        case "extra_forbidden" | "invalid_key":
            renamed = getattr(place.owner, "renamed", {})
            if place.keys[-1] in renamed:
                return key, value, f"{renamed[str(place.keys[-1])]}, as it is called now"
            return key, value, f"one of the keys {', '.join(place.owner.model_fields)}"
        case "missing":
            return key, "no value", "one"
        case "union_tag_not_found" | "union_tag_invalid":
            tag = str(mistake["ctx"]["discriminator"]).strip("'")
            value = _shown(mistake["input"][tag]) if tag in mistake["input"] else "no value"
            return f"{key}.{tag}", value, f"one of {', '.join(map(_tag, _members(place.kind)))}"
        case _:
            return key, value, _plain(mistake)


class _Place(NamedTuple):
    """Where a mistake is."""

    keys: Sequence[int | str]
    """As the user wrote them."""
    owner: Any
    """The class that knows, or does not know, the last key."""
    kind: Any
    """The type of the value there."""


def _place(kind: Any, location: Sequence[int | str]) -> _Place:
    """The place of a mistake by pydantic's, some parts of which only choose a class of a union."""
    keys: list[int | str] = []
    owner = kind
    for part in location:
        members = _members(kind)
        if len(members) > 1:
            kind = next((member for member in members if _tag(member) == part), members[0])
            continue
        keys.append(part)
        owner = members[0]
        kind = _within(owner, part)
    return _Place(keys, owner, kind)


def _within(kind: Any, part: int | str) -> Any:
    """The type of what stands at a key of a class or a mapping, or at a number of a list."""
    field = getattr(kind, "model_fields", {}).get(part)
    if field is not None:
        return field.annotation
    items = [item for item in get_args(kind) if item is not Ellipsis]
    return items[-1] if items else kind


def _members(kind: Any) -> Sequence[Any]:
    """The classes that a type may be: those of a union, else itself; None is no class."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        parts = [part for part in get_args(kind) if part is not types.NoneType]
        return [member for part in parts for member in _members(part)]
    return [kind]


def _tag(member: Any) -> str:
    """The literal that chooses a class of a union."""
    fields = [field.annotation for field in getattr(member, "model_fields", {}).values()]
    choices = [get_args(kind) for kind in fields if get_origin(kind) is Literal]
    return next((str(values[0]) for values in choices if len(values) == 1), "")


def _shown(value: object) -> str:
    """A value as YAML writes it, nearly."""
    if value is None or isinstance(value, bool):
        return "null" if value is None else str(value).lower()
    return repr(value)[:200]


PLAIN = {
    "tuple_type": "a list",
    "list_type": "a list",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "int_type": "a whole number",
    "int_parsing": "a whole number",
    "int_from_float": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "string_type": "text",
    "dict_type": "keys and values",
    "model_type": "keys and values",
    "model_attributes_type": "keys and values",
}
"""What pydantic says of types, in the words of a YAML file."""


def _plain(mistake: ErrorDetails) -> str:
    """What is allowed in place of the mistake."""
    if mistake["type"] in ("too_short", "string_too_short"):
        least = mistake.get("ctx", {}).get("min_length", 1)
        what = "text" if mistake["type"].startswith("string") else "a list"
        return f"{what} of at least {least}" if least > 1 or what == "a list" else f"some {what}"
    told = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return PLAIN.get(mistake["type"], told)


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        stat = path.stat()
        sections = _parsed(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        raise Problem(
            file=path,
            found="no such file",
            expected="a params file",
            cure="run from the repository's root, or name the file with --params",
        ) from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise Problem(
            file=path, found=str(error), expected="YAML", cure="correct the file at that line"
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


@functools.lru_cache(maxsize=4)
def _parsed(path: Path, changed: int, size: int) -> Any:
    """The file's content; read again when its time or size is another."""
    return YAML(typ="safe", pure=True).load(path)
