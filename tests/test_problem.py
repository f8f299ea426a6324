"""Problems as lines."""

from __future__ import annotations

import pytest

from rjcma.problem import Problem


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("it's $(x); -y", "it's $(x); -y"),
        ("Jose\u0301", "Jose\u0301"),
        ("two  spaces ", "'two  spaces '"),
        ("two\nlines", r"'two\nlines'"),
        ("no\udce9UTF-8", r"'no\udce9UTF-8'"),
    ],
)
def test_a_name_is_shown_as_it_is_or_as_a_literal(name, shown):
    problem = Problem(clip=name, file=name, found="a\nb", expected="c", cure="d")
    assert str(problem) == f"clip {shown}: {shown}: found a b; expected c; to do: d"
