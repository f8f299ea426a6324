"""Recognised words on disk, a JSON file per video: `{"words": [{"text", "start", "end", ...}]}`.

Times are seconds from the presentation of the video's first frame. Transcripts, in which words
carry their punctuation, have the same form. The files of stages also hold their provenance.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path
from typing import Annotated, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from rjcma.jobs.files import read_json
from rjcma.params import first_mistake
from rjcma.problem import Problem
from rjcma.timeline import Seconds

CURE = "delete the file and run `dvc repro`: it is made again"


class Word(NamedTuple):
    """A word, its time (`start <= t < end`) and the recogniser's confidence, 0 to 1."""

    text: str
    start: Seconds
    end: Seconds
    confidence: float


class _Entry(BaseModel):
    """A word as it must be in a file."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False)

    text: Annotated[str, StringConstraints(pattern=r"^\S+$")]
    start: float = Field(ge=0)
    end: float = Field(ge=0)
    confidence: float = Field(ge=0, le=1)


def write(path: Path, words: Iterable[Word]) -> None:
    """Write words by start, one per line, times rounded to ms; the same words, the same bytes."""
    lines = [
        json.dumps(
            {
                "text": word.text,
                "start": round(float(word.start), 3),
                "end": round(float(word.end), 3),
                "confidence": round(float(word.confidence), 4),
            },
            ensure_ascii=False,
        )
        for word in sorted(words, key=lambda word: word.start)
    ]
    body = "\n" + ",\n".join(lines) + "\n" if lines else ""
    path.write_text(f'{{"words": [{body}]}}\n', encoding="utf-8")


def read(path: Path) -> list[Word]:
    """The words of a file, first to last.

    Raises `Problem` for a missing file, no JSON, other keys, and a word, which it names, with a
    wrong value: a time that is text, negative, infinite or before the start of the word before.
    """
    entries = _entries(path)
    words = [_word(path, number, entry) for number, entry in enumerate(entries, 1)]
    for number, (earlier, later) in enumerate(pairwise(words), 2):
        if later.start < earlier.start:
            found = f"word {number}, {later.text!r}, that starts at {later.start}"
            expected = f"a start at {earlier.start}, the start of the word before, or later"
            raise _problem(path, found, expected)
    return words


def _entries(path: Path) -> list[object]:
    content = read_json(path, expected="the words of a video, JSON", cure=CURE, clip=path.stem)
    if not isinstance(content, dict) or list(content) != ["words"]:
        found = f"the keys {list(content)}" if isinstance(content, dict) else "no object"
        raise _problem(path, found[:200], "an object with the one key words")
    if not isinstance(content["words"], list):
        raise _problem(path, f"words = {content['words']!r}"[:200], "a list")
    return content["words"]


def _word(path: Path, number: int, entry: object) -> Word:
    try:
        word = Word(**_Entry.model_validate(entry).model_dump())
    except ValidationError as error:
        key, value, expected = first_mistake(error, _Entry)
        match error.errors()[0]["type"]:
            case "missing" | "extra_forbidden" | "model_type":
                expected = f"an object with the keys {', '.join(_Entry.model_fields)}"
            case "string_pattern_mismatch":
                expected = "one word, without spaces"
        found = f"{key} = {value}" if key else value
        raise _problem(path, f"word {number}: {found}"[:200], expected) from None
    if word.end < word.start:
        found = f"word {number}, {word.text!r}, from {word.start} to {word.end}"
        raise _problem(path, found, "an end that is not before the start")
    return word


def _problem(path: Path, found: str, expected: str) -> Problem:
    return Problem(clip=path.stem, file=path, found=found, expected=expected, cure=CURE)
