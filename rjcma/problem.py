"""Errors that a user can correct, in one line: clip, file, found, expected, cure."""

from __future__ import annotations

from collections.abc import Sequence


class Problem(Exception):
    """Input that cannot be used.

    `clip` and `file` say where (either may be empty), `found` and `expected` what is wrong, and
    `cure` what the user can do, as an imperative. Worker processes may raise it: it can be pickled.
    """

    def __init__(
        self, *, found: str, expected: str, cure: str, clip: str = "", file: object = ""
    ) -> None:
        self.found, self.expected, self.cure = found, expected, cure
        self.clip, self.file = clip, str(file)
        super().__init__(str(self))

    def __str__(self) -> str:
        where = [f"clip {shown(self.clip)}"] if self.clip else []
        where += [shown(self.file)] if self.file else []
        what = f"found {self.found}; expected {self.expected}; to do: {self.cure}"
        return ": ".join([*where, " ".join(what.split())])

    def __reduce__(self):  # type: ignore[no-untyped-def]  # the return type of pickle's protocol
        return _rebuilt, (self.found, self.expected, self.cure, self.clip, self.file)


def shown(name: str) -> str:
    """A name in one line; as a literal if it would not be seen as it is.

    >>> print(shown("clip 1"), shown("two  spaces"), shown("two\\nlines"))
    clip 1 'two  spaces' 'two\\nlines'
    """
    return name if name == " ".join(name.split()) and name.isprintable() else repr(name)


def _rebuilt(found: str, expected: str, cure: str, clip: str, file: str) -> Problem:
    return Problem(found=found, expected=expected, cure=cure, clip=clip, file=file)


class Problems(Exception):
    """Several problems, one line each; raised after everything else has been done."""

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = list(problems)
        super().__init__(self.problems)

    def __str__(self) -> str:
        return "\n".join(str(problem) for problem in self.problems)
