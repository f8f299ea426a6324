"""The rows of an ablation: the settings that are compared, read from `ablation/rows.yaml`.

A row is a name and the values that it sets, by dotted key: `{name: JCA, set: {recursions: 1}}`.
Other values come from `base`, which holds for all rows, and else from the params file.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, ValidationError, model_validator
from ruamel.yaml import YAML, YAMLError

from rjcma.params import Section, first_mistake
from rjcma.problem import Problem

Name = Annotated[str, Field(pattern=r"^[^|\n]+$")]


class Row(Section):
    """One setting to be trained."""

    name: Name
    """As the tables show it; a renamed row is not trained again."""
    set: dict[str, Any] = Field(default_factory=dict)
    """Values by dotted key of the params file."""


class Table(Section):
    """Rows that are compared with one of them, the reference."""

    about: str
    """A heading for readers."""
    reference: Name
    """The row that the others are compared with."""
    rows: tuple[Row, ...] = Field(min_length=2)

    @model_validator(mode="after")
    def _consistent(self) -> Table:
        names = [row.name for row in self.rows]
        if len(set(names)) < len(names):
            raise ValueError("rows with different names")
        if self.reference not in names:
            raise ValueError(f"a reference that is one of its rows: {', '.join(names)}")
        return self


class Ablation(Section):
    """The content of the file of rows."""

    seeds: tuple[Annotated[int, Field(ge=0, strict=True)], ...] = Field(min_length=1)
    """Values of `training.seed`: every row is trained once per seed, target and fold. With one seed
    there is no standard deviation over seeds."""
    base: dict[str, Any] = Field(default_factory=dict)
    """Values for all rows, by dotted key."""
    tables: dict[Annotated[str, Field(pattern=r"^[a-z0-9_]+$")], Table] = Field(min_length=1)
    """By name, which is also the name of the table's CSV file."""

    @model_validator(mode="after")
    def _each_seed_once(self) -> Ablation:
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError("each seed once")
        return self


def read(path: Path) -> Ablation:
    """The ablation that a file describes. Raises `Problem`, naming the row and key of a mistake."""
    try:
        content = YAML(typ="safe", pure=True).load(path)
    except FileNotFoundError:
        raise _problem(path, "no such file", "a file of rows", "correct its path") from None
    except (YAMLError, UnicodeDecodeError) as error:
        raise _problem(path, str(error), "YAML", "correct the file at that line") from None
    try:
        return Ablation.model_validate(content)
    except ValidationError as error:
        key, value, expected = first_mistake(error, Ablation)
        where = _row_of(content, error.errors(include_url=False)[0]["loc"])
        found = f"{where}{key or 'the whole file'} = {value}"
        raise _problem(path, found, expected, "correct or remove that key") from None


def _row_of(content: Any, location: tuple[int | str, ...]) -> str:
    """`row <name>: ` if a location in the file is in a row with a name, else an empty text."""
    match location:
        case ("tables", table, "rows", int(number), *_):
            row = content["tables"][table]["rows"][number]
            return f"row {row['name']}: " if isinstance(row, dict) and "name" in row else ""
    return ""


def _problem(file: object, found: str, expected: str, cure: str) -> Problem:
    return Problem(file=file, found=found, expected=expected, cure=cure)
