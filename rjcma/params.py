"""The params file: sections by name, each checked against a class.

A section's class is defined beside the code that uses it; this module knows the names only.
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
"""All top-level keys of a params file, in the order of the committed one."""

T = TypeVar("T")


class _NotKeyed:
    """The mark of a field that is in no key (`rjcma.jobs.recipe`)."""


NotKeyed = _NotKeyed()
"""`Annotated[str, NotKeyed]`: a field that is in no key, since it changes no result: a device, a
number of frames per call, or a model's path (keys hold the model's content instead)."""


class Section(BaseModel):
    """A section of the params file: immutable; an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    renamed: ClassVar[Mapping[str, str]] = {}
    """Keys of earlier versions, and what to set instead."""

    added: ClassVar[tuple[str, ...]] = ()
    """Keys that were added later. They are in keys of files only where they are not the default,
    with which all is as before, so that files that were made before keep theirs."""


def load(path: Path, name: str, schema: Any) -> Any:
    """Section `name` of the params file; `schema` is a `Section`, a union of them, or a plain type.

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
    return checked(schema, sections[name], name, path)


def checked(schema: Any, value: Any, name: str, where: object) -> Any:
    """A section's value, as its `schema`. Raises `Problem` for the first mistake, by dotted key."""
    try:
        return _adapter(schema).validate_python(value)
    except ValidationError as error:
        key, found, expected = first_mistake(error, schema, name)
        cure = f"correct {key}"
        raise Problem(file=where, found=f"{key} = {found}", expected=expected, cure=cure) from None


def keyed(section: BaseModel) -> dict[str, Any]:
    """The part of a section that is in keys, as plain values.

    These are all fields but those that are `NotKeyed`, or `added` later and the default.

    >>> class Faces(Section):
    ...     size: int = 48
    ...     device: Annotated[str, NotKeyed] = "auto"
    >>> keyed(Faces())
    {'size': 48}
    """
    kept = {}
    for name, field in type(section).model_fields.items():
        value = getattr(section, name)
        if NotKeyed not in field.metadata and name not in _unset(section):
            plain = section.model_dump(mode="json", include={name})[name]
            kept[name] = keyed(value) if isinstance(value, BaseModel) else plain
    return kept


def said(section: BaseModel) -> dict[str, Any]:
    """A section as plain values, without its device and what was `added` and is the default."""
    return section.model_dump(mode="json", exclude={"device", *_unset(section)})


def _unset(section: BaseModel) -> set[str]:
    """The fields that were added later and have their default."""
    fields, added = type(section).model_fields, getattr(section, "added", ())
    return {name for name in added if getattr(section, name) == fields[name].default}


def first_mistake(error: ValidationError, schema: Any, *above: str) -> tuple[str, str, str]:
    """The first mistake that pydantic found, in terms of the user's file.

    -> its dotted key (after the keys `above`), the value found, and what is allowed.
    """
    mistake = error.errors(include_url=False)[0]
    place = _place(schema, mistake["loc"])
    key = ".".join([*above, *map(str, place.keys)])
    value = _shown(mistake["input"])
    match mistake["type"]:
        case "extra_forbidden" | "invalid_key":
            renamed = getattr(place.owner, "renamed", {})
            if place.keys[-1] in renamed:
                return key, value, f"{renamed[str(place.keys[-1])]}, as it is called now"
            return key, value, f"one of the keys {', '.join(place.owner.model_fields)}"
        case "missing":
            return key, "no value", "a value"
        case "union_tag_not_found" | "union_tag_invalid":
            tag = str(mistake["ctx"]["discriminator"]).strip("'")
            value = _shown(mistake["input"][tag]) if tag in mistake["input"] else "no value"
            tags = [known for member in _members(place.schema) for known in _tags(member)]
            return f"{key}.{tag}", value, f"one of {', '.join(tags)}"
        case _:
            return key, value, _plain(mistake)


class _Place(NamedTuple):
    """Where a mistake is."""

    keys: Sequence[int | str]
    """As the user wrote them."""
    owner: Any
    """The class in which the last key is, or should be."""
    schema: Any
    """The type that the value should have."""


def _place(schema: Any, location: Sequence[int | str]) -> _Place:
    """The place of a mistake, from pydantic's location: some parts of it only choose a class."""
    keys: list[int | str] = []
    owner = schema
    for part in location:
        members = _members(schema)
        if len(members) > 1:
            schema = next((member for member in members if part in _tags(member)), members[0])
            continue
        keys.append(part)
        owner = members[0]
        schema = _within(owner, part)
    return _Place(keys, owner, schema)


def _within(schema: Any, part: int | str) -> Any:
    """The type of one item: at a key of a class or a mapping, or at a position in a list."""
    field = getattr(schema, "model_fields", {}).get(part)
    if field is not None:
        return field.annotation
    items = [item for item in get_args(schema) if item is not Ellipsis]
    return items[-1] if items else schema


def _members(schema: Any) -> Sequence[Any]:
    """The classes of a union, without None; for any other type, the type itself."""
    if get_origin(schema) is Annotated:
        return _members(get_args(schema)[0])
    if get_origin(schema) in (Union, types.UnionType):
        parts = [part for part in get_args(schema) if part is not types.NoneType]
        return [member for part in parts for member in _members(part)]
    return [schema]


def _tags(member: Any) -> Sequence[str]:
    """The literal values that choose this class of a union: those of its first field of literals.

    One without a default comes before one with a default and a single value.
    """
    fields = getattr(member, "model_fields", {}).values()
    literal = [field for field in fields if get_origin(field.annotation) is Literal]
    needed = [get_args(field.annotation) for field in literal if field.is_required()]
    single = [args for field in literal if len(args := get_args(field.annotation)) == 1]
    return [str(value) for value in next(iter([*needed, *single]), ())]


def _shown(value: object) -> str:
    """A value about as YAML writes it."""
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
    "json_invalid": "JSON",
}
"""What is allowed, in terms of YAML, by pydantic's type of error."""


def _plain(mistake: ErrorDetails) -> str:
    """What is allowed instead of the mistake."""
    if mistake["type"] in ("too_short", "string_too_short"):
        minimum = mistake.get("ctx", {}).get("min_length", 1)
        what = "text" if mistake["type"].startswith("string") else "a list"
        if minimum > 1 or what == "a list":
            return f"{what} of at least {minimum}"
        return "text that is not empty"
    message = mistake["msg"].removeprefix("Value error, ").removeprefix("Input should be ")
    return PLAIN.get(mistake["type"], message)


@functools.cache
def _adapter(schema: Any) -> TypeAdapter[Any]:
    return TypeAdapter(schema)


def _read(path: Path) -> Mapping[str, Any]:
    try:
        stat = path.stat()
        sections = _parsed(path, stat.st_mtime_ns, stat.st_size)
    except FileNotFoundError:
        raise Problem(
            file=path,
            found="no such file",
            expected="a params file",
            cure="run from the repository's root, or give the path of the file",
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
def _parsed(path: Path, modified_ns: int, size: int) -> Any:
    """The file's content; read again when its time or size has changed."""
    return YAML(typ="safe", pure=True).load(path)
