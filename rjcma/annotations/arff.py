"""ARFF files of Weka: attributes are columns, and rows follow `@data`."""

from __future__ import annotations

import re
from pathlib import Path

from rjcma.annotations import table
from rjcma.annotations.settings import SECTION, Arff
from rjcma.annotations.sheet import Sheet, empty, text_of
from rjcma.problem import Problem

ATTRIBUTE = re.compile(r"@attribute\s+('[^']*'|\"[^\"]*\"|\S+)", re.IGNORECASE)
COMMENT = "%"


def read(path: Path, settings: Arff) -> Sheet:
    """The rows of an ARFF file. Raises `Problem` if it is none, or has no rows."""
    lines = text_of(path).split("\n")
    begin = next((k for k, line in enumerate(lines, 1) if line.strip().lower() == "@data"), None)
    if begin is None:
        raise Problem(
            file=path,
            found="no line @data",
            expected="an ARFF file",
            cure=f"correct {SECTION}.format, or the file",
        )
    attributes = filter(None, (ATTRIBUTE.match(line.strip()) for line in lines[:begin]))
    names = tuple(attribute[1].strip("'\" ") for attribute in attributes)
    rows = (line for line in lines[begin:] if line.strip() and not line.startswith(COMMENT))
    first = next(rows, None)
    if first is None:
        raise empty(path, "no rows after @data")
    cells = tuple(table.split(first, ","))
    return table.sheet(path, table.Form(",", names, begin, cells, COMMENT), settings)
