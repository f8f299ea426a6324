"""A comparison as text: tables that are readable in a terminal, and are Markdown too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rjcma.compare.comparison import Comparison, fold_rows
from rjcma.compare.moments import Moment
from rjcma.compare.paired import Tested
from rjcma.scoring.permutation import smallest_p
from rjcma.scoring.table import markdown_table

Values = Mapping[str, float] | Mapping[str, float | None]
"""By measure."""

MOST = 8
"""The number of clips that are listed at either end (ours)."""


def text(comparison: Comparison) -> str:
    """Tables, tests, clips and moments."""
    parts = [
        f"A: {comparison.a.source.shown}\nB: {comparison.b.source.shown}",
        "\n".join(f"- {note}" for note in comparison.shared.notes),
        "CCC on each fold's validation clips, as in the two tables; and B minus A:",
        _folds(comparison),
        *_tests(comparison),
        *_clips(comparison),
        *_moments(comparison.moments),
        comparison.no_moments,
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _folds(comparison: Comparison) -> str:
    measures = comparison.measures
    head = ["Validation set", *columns(measures)]
    rows = [[row.name, *cells(measures, row.a, row.b)] for row in fold_rows(comparison)]
    return markdown_table([head, *rows])


def columns(measures: Sequence[str]) -> list[str]:
    """The heads of `cells`.

    >>> columns(["joy"])
    ['Joy A', 'B', 'B - A']
    """
    return [head for m in measures for head in (f"{m.capitalize()} A", "B", "B - A")]


def cells(measures: Sequence[str], a: Values, b: Values) -> list[str]:
    """A, B and B minus A of each measure; nothing where one is not known.

    >>> cells(["joy", "awe"], {"joy": 0.5, "awe": 0.1}, {"joy": 0.25})
    ['0.500', '0.250', '-0.250', '0.100', '', '']
    """
    found = []
    for measure in measures:
        first, second = a.get(measure), b.get(measure)
        difference = None if first is None or second is None else second - first
        found += [number(first), number(second), signed(difference)]
    return found


def _tests(comparison: Comparison) -> list[str]:
    if not comparison.tests:
        return ["No clip is labelled in both: nothing can be tested."]
    head = ["CCC", "A", "B", "B - A", "B better in", "p"]
    rows = [
        [measured(t), number(t.a), number(t.b), signed(t.difference), *_sure(t)]
        for t in comparison.tests
    ]
    return [
        "On the labelled frames that both have, with paired tests:",
        markdown_table([head, *rows]),
        "\n".join(reading(comparison)),
    ]


def _sure(each: Tested) -> list[str]:
    return [f"{each.better} of {each.groups} groups", p_value(each.p)]


def reading(comparison: Comparison) -> list[str]:
    """How to read the tests: sentences, of which the first says what they are."""
    groups = max(each.groups for each in comparison.tests)
    pooled = "fold by fold as in the tables" if comparison.shared.by_fold else "as one series"
    return [
        "p is how often a difference at least as large comes about if A and B are swapped at random"
        " in each group of clips that belong together (a person, session or video).",
        f"Per clip is the mean of the clips' own CCC; pooled is of all frames, {pooled}.",
        f"With {groups} group{'s' * (groups != 1)}, p cannot be below {smallest_p(groups):.2g}; it"
        " is not corrected for the number of rows.",
        "It says nothing about training again: for that, compare several seeds (`make ablation`).",
    ]


def measured(each: Tested) -> str:
    """The name of a measure.

    >>> measured(Tested("valence", "pooled", 0.1, 0.2, 1, 2, 0.5))
    'Valence, pooled'
    """
    return f"{each.measure.capitalize()}, {each.kind}"


def _clips(comparison: Comparison) -> list[str]:
    clips = comparison.clips
    shown = clips if len(clips) <= 2 * MOST else [*clips[:MOST], *clips[-MOST:]]
    measures = comparison.measures
    head = ["Clip", "Frames", *columns(measures)]
    rows = [[s.clip, str(s.frames), *cells(measures, s.a, s.b)] for s in shown]
    left_out = len(clips) - len(shown)
    note = f" ({left_out} between them are left out)" if left_out else ""
    title = f"Clips, from those for which B loses most to those for which it gains most{note}:"
    return [title, markdown_table([head, *rows])] if rows else []


def _moments(moments: Sequence[Moment]) -> list[str]:
    if not moments:
        return []
    head = ["Clip", "At", "Target", "A", "B", "Label", "Closer", "Said"]
    rows = [
        [
            *(each.clip, clock(each.time), each.target, f"{each.a:z.3f}", f"{each.b:z.3f}"),
            *(number(each.truth), each.closer, each.words),
        ]
        for each in moments
    ]
    return ["Where the predictions part most (means over a second):", markdown_table([head, *rows])]


def number(value: float | None) -> str:
    """A value, or nothing."""
    return "" if value is None else f"{value:z.3f}"


def signed(value: float | None) -> str:
    """A difference with its sign.

    >>> signed(0.25), signed(-0.0001), signed(None)
    ('+0.250', '+0.000', '')
    """
    return "" if value is None else f"{value:+z.3f}"


def p_value(p: float) -> str:
    """A p-value with the digits that count.

    >>> p_value(0.5), p_value(0.0123), p_value(0.00001)
    ('0.50', '0.012', '0.00001')
    """
    digits = 2 if p >= 0.1 else 3 if p >= 0.01 else 5
    return f"{p:.{digits}f}"


def clock(seconds: float) -> str:
    """A time of a video.

    >>> clock(75.25), clock(3601)
    ('1:15.2', '1:00:01.0')
    """
    tenths = int(seconds * 10)
    hours, minutes = tenths // 36000, tenths // 600 % 60
    rest = f"{tenths % 600 / 10:04.1f}"
    return f"{hours}:{minutes:02d}:{rest}" if hours else f"{minutes}:{rest}"
