"""The findings of an audit: notes on what is unusual, and problems that stop the pipeline."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from typing import NamedTuple

from rjcma.problem import Problem, Problems, shown

NAMED = 12  # clips that a note names; further ones are only counted (ours)


class Note(NamedTuple):
    """Something unusual but usable: what it is, where, and by how much."""

    what: str
    name: str
    detail: str = ""


@dataclass
class Findings:
    """Notes and problems, collected over all clips before any is printed."""

    notes: list[Note] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)

    def note(self, what: str, name: str, detail: str = "") -> None:
        """Add a note; notes with the same `what` are printed together."""
        self.notes.append(Note(what, name, detail))

    def problem(self, problem: Problem) -> None:
        """Add a problem."""
        self.problems.append(problem)

    def lines(self) -> list[str]:
        """The notes as lines, one for each `what`.

        >>> findings = Findings()
        >>> findings.note("no sound", "b"); findings.note("no sound", "a", "3 s")
        >>> findings.lines()
        ['note: no sound (2): a 3 s, b']
        """
        groups: dict[str, list[str]] = defaultdict(list)
        for note in sorted(self.notes):
            groups[note.what].append(f"{shown(note.name)} {note.detail}".strip())
        return [f"note: {what} ({len(names)}): {_listed(names)}" for what, names in groups.items()]

    def check(self) -> None:
        """Raise `Problems`, sorted by clip and file, if there are any."""
        if self.problems:
            raise Problems(sorted(self.problems, key=lambda p: (p.clip, p.file, p.found)))


def _listed(names: list[str]) -> str:
    rest = len(names) - NAMED
    return ", ".join(names[:NAMED]) + (f" and {rest} more" if rest > 0 else "")
