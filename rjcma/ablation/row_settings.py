"""The settings of an ablation's rows: the params file's, changed by dotted key, checked again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel

from rjcma.ablation.rows import Ablation
from rjcma.fusion.settings import AnyFusion
from rjcma.params import checked
from rjcma.problem import Problem
from rjcma.training.sections import SECTIONS, Settings

_IN_PARAMS = "set it in the params file: all rows read the same features"
FORBIDDEN = {
    "training.seed": "list seeds under seeds: each row is trained with each of them",
    "encoders.visual.mode": _IN_PARAMS,
    "encoders.audio.mode": _IN_PARAMS,
}
"""Keys that no row may set, and what to do instead."""

Rows = Mapping[tuple[str, str], Settings]
"""Settings by (table's name, row's name)."""


def of_rows(ablation: Ablation, base: Settings, file: object) -> Rows:
    """The settings of every row; `base` are the params file's.

    Raises `Problem`, naming the rows' file, the row and the key, if a section does not allow a
    value.
    """
    return {
        (name, row.name): changed(
            base, {**ablation.base, **row.set}, f"{file}: table {name}: row {row.name}"
        )
        for name, table in ablation.tables.items()
        for row in table.rows
    }


def changed(settings: Settings, changes: Mapping[str, Any], where: str) -> Settings:
    """The settings with other values at these dotted keys.

    A key may name a single value (`fusion.widths.text`) or a group (`fusion.widths`), which is
    replaced as a whole. Raises `Problem` that begins with `where`.
    """
    sections = {name: _plain(getattr(settings, name)) for name in SECTIONS}
    for key, value in changes.items():
        _put(sections, key, value, where)
    if "fusion" not in changes and sections["fusion"]["kind"] != settings.fusion.kind:
        _forget_other_kind(sections["fusion"], settings.fusion, changes)
    changed = {name: checked(kind, sections[name], name, where) for name, kind in SECTIONS.items()}
    return settings._replace(**changed)


def _forget_other_kind(
    fusion: dict[str, Any], before: AnyFusion, changes: Mapping[str, Any]
) -> None:
    """Remove the keys that only the kind of fusion before has."""
    for key in type(before).model_fields.keys() - AnyFusion.model_fields.keys() - {"kind"}:
        if f"fusion.{key}" not in changes:
            del fusion[key]


def _plain(section: Any) -> Any:
    return section.model_dump() if isinstance(section, BaseModel) else section


def _put(sections: dict[str, Any], key: str, value: Any, where: str) -> None:
    """Set a dotted key of a section, or of a part of one; the section is checked afterwards."""
    for forbidden, cure in FORBIDDEN.items():
        if key == forbidden or key.startswith(forbidden + "."):
            raise _problem(where, f"key {key}", "a key that rows may set", cure)
    *path, last = key.split(".")
    group: Any = sections
    for part in path:
        group = group.get(part) if isinstance(group, dict) else None
    if not isinstance(group, dict) or (not path and last not in sections):
        expected = "a key of the params file" if path else f"one of {', '.join(sections)}"
        raise _problem(where, f"key {key} = {value!r}", expected, "correct or remove that key")
    group[last] = value


def _problem(where: str, found: str, expected: str, cure: str) -> Problem:
    return Problem(file=where, found=found, expected=expected, cure=cure)
