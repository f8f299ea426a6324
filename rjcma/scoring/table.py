"""The table of CCC per fold and target, like the paper's Table 1, with mean and std below."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from rjcma.jobs import files
from rjcma.scoring.metrics import Score, notes

Scores = Mapping[str, Mapping[int, Score]]
"""By target and fold."""
Others = Mapping[str, Mapping[str, Mapping[int, float]]]
"""CCC by convention (`rjcma.scoring.conventions`), target and fold."""


def csv_text(scores: Scores, others: Others) -> str:
    """`fold,<target>,…,mean`: one row per fold, then the rows `mean` and `std` over folds.

    The same columns follow for each other convention of CCC: `<target>_clip_mean`, the mean of the
    clips' own CCC, then those of `others`, `<target>_<convention>`.
    """
    targets, folds, values = _values(scores, "ccc")
    blocks = [values, _values(scores, "ccc_clip_mean")[2]]
    names = ["clip_mean", *others]
    for other in others.values():
        of_folds = np.array([[other[target][fold] for target in targets] for fold in folds])
        blocks.append(np.column_stack([of_folds, of_folds.mean(axis=1)]))
    columns = [*targets, "mean", *(f"{t}_{name}" for name in names for t in [*targets, "mean"])]
    all_values = np.hstack(blocks)
    rows = [*all_values, all_values.mean(axis=0), all_values.std(axis=0)]
    firsts = [*map(str, folds), "mean", "std"]
    cells = [[first, *(f"{v:z.6f}" for v in row)] for first, row in zip(firsts, rows, strict=True)]
    return files.csv_text([["fold", *columns], *cells])


def markdown(scores: Scores) -> str:
    """The table as Markdown, padded so that it is readable in a terminal too."""
    parts = [
        "CCC on each fold's validation clips, over their labelled frames concatenated, with\n"
        "variances and covariance over their number N:",
        _markdown_table(scores, "ccc"),
        "The mean of the clips' own CCC:",
        _markdown_table(scores, "ccc_clip_mean"),
        "Below the folds: mean ± standard deviation over them (population). Other conventions of\n"
        "CCC are columns of table.csv.",
        "\n".join(f"- {line}" for line in notes(scores)),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def _markdown_table(scores: Scores, measure: str) -> str:
    targets, folds, values = _values(scores, measure)
    header = ["Validation set", *(name.capitalize() for name in [*targets, "mean"])]
    rows = [
        [f"Fold {fold}", *(f"{v:z.3f}" for v in row)]
        for fold, row in zip(folds, values, strict=True)
    ]
    mean_std = zip(values.mean(axis=0), values.std(axis=0), strict=True)
    rows.append(["Mean ± std", *(f"{mean:z.3f} ± {std:.3f}" for mean, std in mean_std)])
    return markdown_table([header, *rows])


def markdown_table(rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table, header first, padded so that it is readable in a terminal too.

    >>> print(markdown_table([["Fold", "CCC"], ["0", "0.5"]]))
    | Fold | CCC |
    | ---- | --- |
    | 0    | 0.5 |
    """
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    header, *body = rows
    lines = [
        " | ".join(f"{cell:<{width}}" for cell, width in zip(cells, widths, strict=True))
        for cells in [header, ["-" * width for width in widths], *body]
    ]
    return "\n".join(f"| {line} |" for line in lines)


def _values(scores: Scores, measure: str) -> tuple[list[str], list[int], np.ndarray]:
    """Targets, folds, and the measure of each, (folds, targets + 1); the last column is a mean."""
    targets = list(scores)
    folds = sorted({fold for target in targets for fold in scores[target]})
    values = np.array([[getattr(scores[t][fold], measure) for t in targets] for fold in folds])
    return targets, folds, np.column_stack([values, values.mean(axis=1)])
