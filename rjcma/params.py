"""The params file: sections by name, each checked against the class that its owner defines.

The classes live beside the code that they configure. This module knows the sections' names only.
"""

from __future__ import annotations

import functools
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, TypeVar, Union, get_args, get_origin

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
"""`Annotated[str, NotKeyed]`: a field that says where something is or is done, and so shapes no
result: a device, or the place of a model, which is known by its content."""


class Section(BaseModel):
    """A section of the params file: immutable, and any key it does not know is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid")

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
    location = [part for part in mistake["loc"] if not _is_tag(part, kind)]
    key = ".".join([*above, *(str(part) for part in location)])
    value = repr(mistake["input"])[:200]
    match mistake["type"]:
        case "extra_forbidden":
            owner = _owner(kind, location[:-1], error)
            renamed = getattr(owner, "renamed", {})
            if location[-1] in renamed:
                return key, value, f"{renamed[str(location[-1])]}, as it is called now"
            return key, value, f"one of the keys {', '.join(_fields(owner))}"
        case "missing":
            return key, "no value", "one"
        case "union_tag_not_found":
            return f"{key}.{_tag(mistake)}", "no value", "one"
        case "union_tag_invalid":
            context = mistake.get("ctx", {})
            tag = str(context.get("discriminator", "")).strip("'")
            allowed = str(context.get("expected_tags", "")).replace("'", "")
            return f"{key}.{tag}", str(context.get("tag")), f"one of {allowed}"
        case _:
            return key, value, _plain(mistake)


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


def _tag(mistake: ErrorDetails) -> str:
    return str(mistake.get("ctx", {}).get("discriminator", "")).strip("'")


@functools.cache
def _adapter(kind: Any) -> TypeAdapter[Any]:
    return TypeAdapter(kind)


def _members(kind: Any) -> Sequence[Any]:
    """The classes that a type may be: those of a union, else itself."""
    if get_origin(kind) is Annotated:
        return _members(get_args(kind)[0])
    if get_origin(kind) in (Union, types.UnionType):
        return [member for part in get_args(kind) for member in _members(part)]
    return [kind]


def _is_tag(part: int | str, kind: Any) -> bool:
    """Whether a part of a mistake's place is no key, but says which class of a union it is in."""
    return any(part == tag for _, tag in _tags(kind))


def _tags(kind: Any) -> Iterator[tuple[Any, Any]]:
    """The classes of unions within a type, with the literals that choose them."""
    for member in _members(kind):
        for field in getattr(member, "model_fields", {}).values():
            values = get_args(field.annotation)
            if len(values) == 1 and isinstance(values[0], str) and len(_members(kind)) > 1:
                yield member, values[0]
            elif values or hasattr(field.annotation, "model_fields"):
                yield from _tags(field.annotation)


def _owner(kind: Any, location: Sequence[int | str], error: ValidationError) -> Any:
    """The class of the section, or of the part of it at a place."""
    chosen = [part for part in error.errors(include_url=False)[0]["loc"] if isinstance(part, str)]
    for part in [None, *location]:
        if part is not None:
            fields = getattr(kind, "model_fields", {})
            kind = fields[part].annotation if part in fields else kind
        members = _members(kind)
        kind = next((m for m, tag in _tags(kind) if tag in chosen and m in members), members[0])
    return kind


def _fields(kind: Any) -> list[str]:
    return list(getattr(kind, "model_fields", {}))


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
