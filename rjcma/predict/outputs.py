"""What is written of each predicted clip."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from rjcma.predict import tables
from rjcma.predict.predict import Request, predict


class Forms(NamedTuple):
    """What is written besides CSV."""

    parquet: bool = False


def write_all(request: Request, out: Path, forms: Forms) -> Iterator[str]:
    """Predict, and write each clip's files to the folder `out`; -> a line for each file.

    Raises `Problem` before anything is computed if what was asked for cannot be written.
    """
    if forms.parquet:
        tables.refuse_without_parquet()
    out.mkdir(parents=True, exist_ok=True)
    for predicted in predict(request):
        path = out / f"{predicted.clip.name}.csv"
        tables.write_csv(predicted, path)
        yield f"{path}: {predicted.clip.frames} frames"
        if forms.parquet:
            path = out / f"{predicted.clip.name}.parquet"
            tables.write_parquet(predicted, path)
            yield f"{path}: the same"
