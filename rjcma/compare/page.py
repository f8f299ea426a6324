"""A comparison as pages: a front page, and a page per clip with both predictions over time.

The pages lead to those of both reports, at the same moment. The report of a revision is copied
beside them, into `assets/reports`, so that the folder is complete; a folder's is only referred to.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

from rjcma.compare import figures, text
from rjcma.compare.comparison import Comparison, FoldRow, fold_rows
from rjcma.compare.moments import Moment
from rjcma.compare.paired import ClipScore
from rjcma.compare.side import Side
from rjcma.pages import site
from rjcma.pages.figure import Table
from rjcma.pages.site import Site, clip_address
from rjcma.problem import Problem
from rjcma.timeline import Seconds

DATA = "comparison"
"""The name of the front page's data."""

REPORTS = f"{site.ASSETS}/reports"


class ReportLinks(NamedTuple):
    """Where the pages of a report are."""

    letter: str
    name: str
    root: str
    """The address of the report, from the front page; empty if it has no pages."""
    clips: frozenset[str]
    """The clips that it has a page of."""

    def to(self, clip: str, seconds: Seconds | None = None) -> str:
        """The address of a clip's page, at a moment; empty if there is none."""
        if clip not in self.clips:
            return ""
        return f"{self.root}/{clip_address(clip)}{_at(seconds)}"


def _at(seconds: Seconds | None) -> str:
    """The end of an address that names a time, to the digits of the traces: it is in its frame.

    >>> _at(361 / 30), _at(None)
    ('#t=12.033333', '')
    """
    return "" if seconds is None else f"#t={seconds:.6f}"


class ClipRow(NamedTuple):
    """A row of the table of clips."""

    name: str
    address: str
    together: str
    frames: int
    scores: list[tuple[float | None, str]]
    """A, B and B minus A of each measure: the value, to sort by, and how it is shown."""


class MomentRow(NamedTuple):
    """A row of the table of moments."""

    moment: Moment
    at: str
    address: str
    """Of the clip's page of the comparison, at this moment."""
    reports: list[tuple[str, str]]
    """The letter and the address of each report that has a page of the clip."""


def write(comparison: Comparison, out: Path) -> None:
    """Write the pages into the folder `out`, and replace earlier ones.

    Raises `Problem` as `check` does.
    """
    check(out)
    with site.building(out, "Comparison") as pages:
        links = [
            _links(letter, report, pages, out)
            for letter, report in (("A", comparison.a), ("B", comparison.b))
        ]
        _front(pages, comparison, links)
        for number, pair in enumerate(comparison.shared.pairs):
            if pair.targets:
                _clip(pages, comparison, number, links)


def check(out: Path) -> None:
    """Raise `Problem` if `out` is no folder, or has pages that are no earlier comparison."""
    folder = next(each for each in (out, *out.absolute().parents) if each.exists())
    if not folder.is_dir():
        raise Problem(
            file=out,
            found=f"that {folder} is a file",
            expected="a folder for the comparison",
            cure="name a folder",
        )
    site.refuse_others(out, DATA, "name a folder of its own, such as --out comparison")


def _links(letter: str, report: Side, pages: Site, out: Path) -> ReportLinks:
    source = report.source
    if not source.has_pages:
        return ReportLinks(letter, source.shown, "", frozenset())
    names = {path.stem for path in (source.folder / site.CLIPS).glob("*.html")}
    if source.revision:
        root = f"{REPORTS}/{letter.lower()}"
        shutil.copytree(source.folder, pages.folder / root)
    else:
        relative = os.path.relpath(source.folder.resolve(), out.resolve())
        root = quote(Path(relative).as_posix())
    return ReportLinks(letter, source.shown, root, frozenset(names))


def _front(pages: Site, comparison: Comparison, links: Sequence[ReportLinks]) -> None:
    rows = fold_rows(comparison)
    shared = comparison.shared
    scored = [t for t in shared.targets if any(t in score.a for score in comparison.clips)]
    folds = figures.folds(comparison, rows)
    groups = figures.groups(comparison) if comparison.tests else None
    clips = [figures.clips(comparison, target) for target in scored]
    drawn = [folds, *clips, *([groups] if groups else [])]
    pages.data(DATA, {"figures": {figure.name: figure.plot() for figure in drawn}})
    pages.page(
        site.INDEX,
        "comparison.html",
        title="A and B compared",
        data=[DATA],
        figures_of=DATA,
        links=links,
        notes=shared.notes,
        table=_table(comparison, rows),
        folds=folds,
        tests=_tests(comparison),
        sentences=text.reading(comparison) if comparison.tests else [],
        grouped=any(score.together != score.clip for score in comparison.clips),
        groups=groups,
        measures=comparison.measures,
        clips=[_row(comparison, score) for score in comparison.clips],
        clip_figures=clips,
        moments=[_moment(each, links) for each in comparison.moments],
        no_moments=comparison.no_moments,
    )


def _table(comparison: Comparison, rows: Sequence[FoldRow]) -> Table:
    measures = comparison.measures
    head = ["Validation set", *map(_minus, text.columns(measures))]
    return Table(head, [[row.name, *_cells(measures, row.a, row.b)] for row in rows])


def _cells(measures: Sequence[str], a: text.Values, b: text.Values) -> list[str]:
    return [_minus(each) for each in text.cells(measures, a, b)]


def _minus(number: str) -> str:
    """A number with the minus sign of print."""
    return number.replace("-", "−")


def _tests(comparison: Comparison) -> Table:
    head = ["CCC", "B − A", "p", "B better in", "A", "B"]
    rows = [
        [
            text.measured(each),
            *(_minus(text.signed(each.difference)), text.p_value(each.p)),
            f"{each.better} of {each.groups} groups",
            *(_minus(text.number(each.a)), _minus(text.number(each.b))),
        ]
        for each in comparison.tests
    ]
    return Table(head, rows)


def _row(comparison: Comparison, score: ClipScore) -> ClipRow:
    cells = []
    for measure in comparison.measures:
        values = score.a.get(measure), score.b.get(measure), score.difference(measure)
        shown = _cells([measure], score.a, score.b)
        cells += list(zip(values, shown, strict=True))
    address = clip_address(score.clip)
    return ClipRow(score.clip, address, score.together, score.frames, cells)


def _moment(moment: Moment, links: Sequence[ReportLinks]) -> MomentRow:
    clip, seconds = moment.clip, moment.time
    reports = [(link.letter, link.to(clip, seconds)) for link in links if link.to(clip)]
    address = f"{clip_address(clip)}{_at(seconds)}"
    return MomentRow(moment, text.clock(seconds), address, reports)


def _clip(pages: Site, comparison: Comparison, number: int, links: Sequence[ReportLinks]) -> None:
    pair = comparison.shared.pairs[number]
    name = f"clip-{number}"
    drawn = [
        figures.traces(pair, target, row, comparison.a)
        for row, target in enumerate(pair.targets)
        if target in comparison.shared.comparable
    ]
    pages.data(name, {"figures": {figure.name: figure.plot() for figure in drawn}})
    score = next((each for each in comparison.clips if each.clip == pair.clip), None)
    context: dict[str, Any] = {
        "clip": pair.clip,
        "links": [(link, "../" + link.to(pair.clip)) for link in links if link.to(pair.clip)],
        "drawn": drawn,
        "not_drawn": [each for each in pair.targets if each not in comparison.shared.comparable],
        "figures_of": name,
        "scores": _clip_table(comparison, score) if score else None,
        "moments": [_moment(each, links) for each in comparison.moments if each.clip == pair.clip],
    }
    path = f"{site.CLIPS}/{pair.clip}.html"
    pages.page(path, "comparison-clip.html", title=pair.clip, data=[name], **context)


def _clip_table(comparison: Comparison, score: ClipScore) -> Table:
    rows = [
        [measure.capitalize(), *_cells([measure], score.a, score.b)]
        for measure in comparison.measures
        if measure in score.a
    ]
    return Table(["CCC", "A", "B", "B − A"], rows)
