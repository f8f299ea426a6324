"""The front page of a report: the table, the clips, the errors, the training, and what it is of."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np

from rjcma.corpus.labels import Ranges
from rjcma.pages import ablation, clip_table, conditions, curves, frames, made_from, plane
from rjcma.pages.conditions import Measured
from rjcma.pages.figure import Figure, Table, decimals
from rjcma.pages.frames import Frames
from rjcma.pages.palette import colours
from rjcma.pages.site import Site
from rjcma.pages.sources import Sources
from rjcma.scoring.metrics import Score, notes
from rjcma.scoring.report import Results

DATA = "front"
"""The name of the page's data."""

FILES = {
    "table.csv": "the table",
    "metrics.json": "the table, for programs",
    "curves.csv": "training curves",
    "submission.csv": "the challenge's file for the test clips",
    "about.json": "what the report was made from, and the digest of each file",
}
"""Files of the report beside the pages."""


MOST = 2000
"""The number of clips in the table of clips: the worst; a browser is slow with more (ours)."""


class Section(NamedTuple):
    """A part of the page: figures that are read in the same way."""

    anchor: str
    short: str
    """Its title in the navigation."""
    title: str
    reading: str
    """How to read it, in a sentence."""
    figures: Sequence[Figure]
    missing: str = ""
    """What is not shown, and why."""


def write(site: Site, results: Results, sources: Sources) -> None:
    """Write `index.html` and its data."""
    read = frames.read(results, sources)
    scores = results.scores()
    ranges = {target: results.ranges[target] for target in results.targets}
    sections = _sections(results, read, sources)
    study = ablation.read(sources.ablation)
    picture = study.picture if study else None
    rows = clip_table.rows(read, ranges)
    drawn = [_folds(scores), *(figure for section in sections for figure in section.figures)]
    site.data(DATA, {"figures": {figure.name: figure.plot() for figure in drawn}})
    site.page(
        "index.html",
        "front.html",
        title=_title(results),
        data=[DATA],
        lead=_lead(results),
        figures_of=DATA,
        table=_table(scores, "ccc"),
        clip_means=_table(scores, "ccc_clip_mean"),
        notes=notes(scores),
        folds=drawn[0],
        digits={target: decimals(scale) for target, scale in ranges.items()},
        clips=rows[:MOST],
        further=len(rows[MOST:]),
        sections=sections,
        ablation=study,
        ablation_picture=site.asset("ablation.png", picture) if picture else "",
        parts=made_from.parts(results.runs, sources),
        files=FILES,
    )


def _title(results: Results) -> str:
    *first, last = results.targets
    text = f"{', '.join(first)} and {last}" if first else last
    return text[0].upper() + text[1:]


def _lead(results: Results) -> str:
    folds = len({run.fold for run in results.runs})
    clips = len(results.clips)
    videos = len({clip.video for clip in results.clips})
    frames = sum(clip.frames for clip in results.clips)
    trained_on = sum(all(clip.name in run.train for run in results.runs) for clip in results.clips)
    text = (
        f"{_count(clips, 'clip')} of {_count(videos, 'video')}, {frames:,} frames;"
        f" {_count(folds, 'fold')}. A clip is predicted by the networks that did not train on it."
    )
    if not trained_on:
        return text
    return f"{text} On {_count(trained_on, 'clip')} all networks were trained: these have none."


def _count(number: int, name: str) -> str:
    return f"{number:,} {name}" + "s" * (number != 1)


def _table(scores: Mapping[str, Mapping[int, Score]], measure: str) -> Table:
    """A row per fold, and below them the mean ± standard deviation over folds (population)."""
    targets = list(scores)
    folds = sorted({fold for of_target in scores.values() for fold in of_target})
    values = np.array([[getattr(scores[t][fold], measure) for t in targets] for fold in folds])
    names = [*targets, "mean"][: len(targets) + (len(targets) > 1)]  # of one, the mean is itself
    values = np.column_stack([values, values.mean(axis=1)])[:, : len(names)]
    rows = [
        [f"Fold {fold}", *(f"{v:z.3f}" for v in row)]
        for fold, row in zip(folds, values, strict=True)
    ]
    over = zip(values.mean(axis=0), values.std(axis=0), strict=True)
    rows.append(
        ["Mean ± std", *(f"{mean:z.3f} ±\N{NO-BREAK SPACE}{std:.3f}" for mean, std in over)]
    )
    return Table(["Validation set", *(name.capitalize() for name in names)], rows)


def _folds(scores: Mapping[str, Mapping[int, Score]]) -> Figure:
    """A dot per fold and target, and the mean with its standard deviation."""
    data = []
    cccs = [score.ccc for of_folds in scores.values() for score in of_folds.values()]
    for target, of_folds in scores.items():
        values = [score.ccc for score in of_folds.values()]
        colour = colours(list(scores))[target]
        data += [
            {
                "type": "scatter",
                "mode": "markers",
                "x": values,
                "y": [target] * len(values),
                "text": [f"fold {fold}" for fold in of_folds],
                "marker": {"color": colour, "size": 10, "opacity": 0.55},
                "hovertemplate": "%{y}, %{text}: %{x:.3f}<extra></extra>",
            },
            {
                "type": "scatter",
                "mode": "markers",
                "x": [float(np.mean(values))],
                "y": [target],
                "error_x": {
                    "type": "data",
                    "array": [float(np.std(values))],
                    "color": "var(--ink)",
                    "thickness": 1.5,
                    "width": 6,
                },
                "marker": {"color": "var(--ink)", "size": 9, "symbol": "diamond"},
                "hovertemplate": "%{y}, mean: %{x:.3f}<extra></extra>",
            },
        ]
    return Figure(
        name="folds",
        title="CCC by fold",
        description="A dot for each fold and target, with mean and standard deviation: the numbers"
        " of the table.",
        data=data,
        layout={
            "xaxis": {"title": {"text": "CCC"}, "range": [min(0.0, *cccs) - 0.05, 1.0]},
            "yaxis": {"type": "category", "range": [len(scores) - 0.5, -0.5]},
            "showlegend": False,
        },
        height=70 + 48 * len(scores),
    )


def _sections(results: Results, read: Sequence[Frames], sources: Sources) -> list[Section]:
    targets = results.targets
    ranges = {target: results.ranges[target] for target in targets}
    sections = []
    if plane.has_plane(targets):
        sections.append(
            Section(
                "plane",
                "Plane",
                "Over the plane",
                "How often truth and prediction visit each part of the plane: a network that is"
                " unsure stays near the middle, so its cloud is smaller.",
                plane.over_plane(read, ranges),
            )
        )
    sections.append(
        Section(
            "against",
            "Against truth",
            "Prediction against truth",
            "On the dotted line the prediction is right; where the mean prediction (dots) is"
            " flatter than it, extremes are predicted too weakly.",
            [plane.against(read, target, ranges) for target in targets],
        )
    )
    regions = [plane.error_by_region(read, target, ranges) for target in targets]
    if plane.has_plane(targets):
        regions.insert(0, plane.error_over_plane(read, ranges))
    sections.append(
        Section(
            "regions",
            "Regions",
            "Error by region of the labels",
            "Which labels are predicted badly: regions with few frames are learnt least.",
            regions,
        )
    )
    sections.append(_conditions(read, ranges))
    sections.append(
        Section(
            "curves",
            "Training",
            "Training",
            "A line per run; the star is the epoch whose weights are used, a triangle an epoch in"
            " which further layers of the encoders were released. Colours are targets, patterns"
            " folds.",
            curves.figures(results.runs, targets, sources.runs),
        )
    )
    return sections


def _conditions(read: Sequence[Frames], ranges: Ranges) -> Section:
    by: dict[str, list[Measured]] = {}
    missing = []
    if any(clip.face is not None for clip in read):
        by["Face"] = conditions.measured(read, ranges, conditions.FACE)
    else:
        missing.append("The faces are not here: `dvc pull data/features/faces` brings them.")
    if any(clip.speech is not None for clip in read):
        by["Speech"] = conditions.measured(read, ranges, conditions.SPEECH)
    else:
        missing.append("The transcripts are not here: `dvc pull data/transcripts` brings them.")
    reading = "What a missing face or silence costs: compare the bars of one colour."
    title = "Error by face and by speech"
    shown = conditions.figures(by)
    return Section("conditions", "Faces and speech", title, reading, shown, " ".join(missing))
