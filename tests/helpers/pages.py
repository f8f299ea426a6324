"""The documents: README and docs/*.md, and what they tell the reader to type or to open."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import NamedTuple

from places import ROOT

PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]

PROGRAMS = ("rjcma", "dvc", "make", "python", "git", "pip", "dask", "sbatch", "accelerate")
"""What a command in a line of text begins with, after variables."""

_FENCE = re.compile(r"^( *)```(\w*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.*)$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")


class Block(NamedTuple):
    """A fenced block of a page."""

    page: str
    language: str
    heading: str
    """The heading that it is under."""
    text: str

    @property
    def name(self) -> str:
        return f"{Path(self.page).stem}: {self.heading}"

    def commands(self) -> list[str]:
        """Its commands, one per line, without comments; a line that ends in a backslash goes on."""
        lines = re.sub(r"\\\n *", "", self.text).splitlines()
        return [found for line in lines if (found := uncommented(line))]


def blocks(path: Path) -> list[Block]:
    """The fenced blocks of a page."""
    text = path.read_text()
    found = []
    for match in _FENCE.finditer(text):
        headings = _HEADING.findall(_without_blocks(text[: match.start()]))
        page = path.relative_to(ROOT).as_posix()
        found.append(Block(page, match[2], headings[-1], match[3]))
    return found


def inline(path: Path) -> list[str]:
    """What stands between backticks in the text of a page, on one line."""
    code = re.findall(r"`([^`]+)`", _without_blocks(path.read_text()))
    return [" ".join(each.split()) for each in code]


def is_command(code: str) -> bool:
    """Whether the text between backticks is a command: a program and what it is given."""
    words = [word for word in code.split() if not re.match(r"[A-Z_]+=", word)]
    return len(words) > 1 and words[0] in PROGRAMS


def links(path: Path) -> list[str]:
    """The targets of a page's links and pictures."""
    return _LINK.findall(_without_blocks(path.read_text()))


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub and GitLab make them."""
    headings = _HEADING.findall(_without_blocks(path.read_text()))
    plain = [re.sub(r"[^\w\- ]", "", heading.lower()) for heading in headings]
    return {heading.replace(" ", "-") for heading in plain}


def uncommented(line: str) -> str:
    """A line of the shell without its comment.

    >>> uncommented("dvc repro   # 'all' stages")
    'dvc repro'
    """
    lexer = shlex.shlex(line, posix=False, punctuation_chars="&;|")
    lexer.whitespace_split = True
    return " ".join(lexer)


def simple_commands(line: str) -> list[list[str]]:
    """The words of each simple command of a line, without variables that are set for it.

    >>> simple_commands("RJCMA_SHARD=1/2 rjcma make train && dvc push")
    [['rjcma', 'make', 'train'], ['dvc', 'push']]
    """
    lexer = shlex.shlex(line, posix=True, punctuation_chars="&;|")
    lexer.whitespace_split = True
    found: list[list[str]] = [[]]
    for word in lexer:
        if set(word) <= set("&;|"):
            found.append([])
        elif found[-1] or not re.match(r"[A-Z_]+=", word):
            found[-1].append(word)
    return [words for words in found if words]


def _without_blocks(text: str) -> str:
    return _FENCE.sub("", text)
