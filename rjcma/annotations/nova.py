"""Continuous annotations of NOVA: `X.annotation` (XML) has the rate and the range, and
`X.annotation~` a score and a confidence for each sample, as text or as float32.

NOVA writes numbers as its computer's language does, perhaps with decimal commas.
"""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from rjcma.annotations import table
from rjcma.annotations.settings import SECTION, Nova
from rjcma.annotations.sheet import Cells, Sheet, empty, text_of, unreadable
from rjcma.problem import Problem

COLUMNS = ("score", "confidence")


def read(path: Path, settings: Nova) -> Sheet:
    """The samples of an annotation, by the path of its header.

    Raises `Problem` if one of the files is missing, damaged, or of a scheme that is not continuous.
    """
    head, scheme = _header(path)
    data = path.with_name(path.name + "~")
    sheet = _binary(data) if head.get("ftype", "").upper() == "BINARY" else _text(data)
    return replace(
        sheet,
        missing=settings.missing,
        range=(_number(path, scheme, "min"), _number(path, scheme, "max")),
        rate=_number(path, scheme, "sr"),
    )


def _header(path: Path) -> tuple[ElementTree.Element, ElementTree.Element]:
    try:
        root = ElementTree.fromstring(text_of(path))
    except ElementTree.ParseError as error:
        raise _problem(path, f"no XML ({error})") from None
    info, scheme = root.find("info"), root.find("scheme")
    if scheme is None or scheme.get("type") != "CONTINUOUS":
        kind = "no scheme" if scheme is None else f"a scheme of type {scheme.get('type')}"
        raise _problem(path, kind)
    return (scheme if info is None else info), scheme


def _number(path: Path, scheme: ElementTree.Element, name: str) -> float:
    text = scheme.get(name, "")
    try:
        return float(text.replace(",", "."))
    except ValueError:
        raise _problem(path, f"{name}={text!r}") from None


def _text(path: Path) -> Sheet:
    first = next((line for line in table.first_lines(path) if line.strip()), None)
    if first is None:
        raise empty(path, "an empty file")
    form = table.Form(";", COLUMNS, 0, tuple(table.split(first, ";")))
    numbers = table.plain(path, form, (0, 1))
    return Sheet(path, COLUMNS, 2, numbers, partial(table.cells, path, form), decimal=",")


def _binary(path: Path) -> Sheet:
    try:
        values = np.fromfile(path, "<f4")
    except OSError as error:
        raise unreadable(path, error) from None
    if not values.size:
        raise empty(path, "an empty file")
    if values.size % 2:
        raise _problem(path, f"{values.size} numbers, not pairs of them")
    numbers = dict(enumerate(values.reshape(-1, 2).T.astype(np.float64)))
    places = range(1, values.size // 2 + 1)
    return Sheet(path, COLUMNS, 2, numbers, partial(Cells, [], places), of="row")


def _problem(path: Path, found: str) -> Problem:
    return Problem(
        file=path,
        found=found,
        expected="a continuous annotation of NOVA, with sr, min and max",
        cure=f"correct {SECTION}.files or format, or export the annotation again",
    )
