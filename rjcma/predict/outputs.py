"""What is written of each predicted clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rjcma.predict import tables
from rjcma.predict.predict import Request, predict
from rjcma.problem import Problem


class Forms(NamedTuple):
    """What is written besides CSV."""

    parquet: bool = False


def write_all(request: Request, out: Path, forms: Forms) -> Iterator[str]:
    """Predict, and write each clip's files to the folder `out`; -> a line for each file.

    Raises `Problem` before anything is computed if what was asked for cannot be written.
    """
    if forms.parquet:
        tables.refuse_without_parquet()
    _refuse_no_folder(out)
    for predicted in predict(request):
        path = out / f"{predicted.clip.name}.csv"
        tables.write_csv(predicted, path)
        folds = max(len(series) for series in predicted.folds.values())
        yield f"{path}: {predicted.clip.frames} frames, {len(predicted.words)} words, folds: {folds}"
        if forms.parquet:
            path = out / f"{predicted.clip.name}.parquet"
            tables.write_parquet(predicted, path)
            yield f"{path}: the same"


def _refuse_no_folder(out: Path) -> None:
    """Make the folder `out`; raise `Problem` if that cannot be."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise Problem(
            file=out,
            found="a file where a folder is to be",
            expected="a folder for what is predicted, or none yet",
            cure="correct --out",
        ) from None
