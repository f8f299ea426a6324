"""What is written of predicted clips: tables, and text, pictures and films where asked."""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import NamedTuple

from rjcma.jobs.digests import digest_text, digest_value
from rjcma.jobs.files import no_empty_folders, written
from rjcma.jobs.work import Job, Work
from rjcma.predict import elan, tables
from rjcma.predict.doing import Failures, run
from rjcma.predict.predict import Request, predict
from rjcma.predict.result import Predicted
from rjcma.problem import Problem, Problems

REPORT = "report"
"""The folder of the pages, in the folder of what is written."""


class Forms(NamedTuple):
    """What is written besides CSV."""

    parquet: bool = False
    elan: bool = False
    trace: bool = False
    overlay: Path | None = None
    """The film; if several videos are asked for, their names are added to its name."""
    report: bool = False
    """The pages, in the folder `report`."""


def write_all(request: Request, out: Path, forms: Forms) -> Iterator[str]:
    """Predict, and write each clip's files to the folder `out`; -> a line for each file.

    Raises `Problem` before anything is computed if what was asked for cannot be written; `Problems`
    of single videos, of films and of pages after all else is written.
    """
    film = [] if forms.overlay is None else [forms.overlay.parent]
    with no_empty_folders(request.work, out / REPORT, *film):
        _refuse_forms(request.videos, out, forms)
        _make_folder(request.work, "--work")
        yield from _written(request, out, forms)


def _written(request: Request, out: Path, forms: Forms) -> Iterator[str]:
    results: list[Predicted] = []
    failed: list[Problem] = []
    try:
        for predicted in predict(request._replace(attention=forms.report)):
            results.append(predicted)
            yield from _files(predicted, out, forms)
    except Problems as several:
        if not results:
            raise
        failed = several.problems
    if forms.overlay is not None:
        films = _films(forms.overlay, request.videos)
        with _noting(failed):
            yield from _overlays(results, films, request.work / "overlays")
    if forms.report:
        with _noting(failed):
            yield from _pages(results, out / REPORT, failed)
    if failed:
        raise Problems(failed)


@contextmanager
def _noting(failed: list[Problem]) -> Iterator[None]:
    """Add the problems that end what is within to `failed`; what comes after it is done."""
    try:
        yield
    except Problem as problem:
        failed.append(problem)
    except Problems as several:
        failed += several.problems


def _pages(results: Sequence[Predicted], folder: Path, failed: list[Problem]) -> Iterator[str]:
    """Write the pages, and the previews; the pages are there also without these."""
    from rjcma.predict import report  # here, since matplotlib takes long to load

    report.write(results, folder)
    with _noting(failed):
        report.write_previews(results, folder)
    yield f"{folder / 'index.html'}: open it in a browser"


def _files(predicted: Predicted, out: Path, forms: Forms) -> Iterator[str]:
    name = predicted.clip.name
    tables.write_csv(predicted, out / f"{name}.csv")
    folds = max(len(series) for series in predicted.folds.values())
    frames, words = predicted.clip.frames, len(predicted.words)
    yield f"{out / name}.csv: {frames} frames, {words} words, folds: {folds}"
    if forms.parquet:
        tables.write_parquet(predicted, out / f"{name}.parquet")
        yield f"{out / name}.parquet: the same"
    if forms.elan:
        elan.write(predicted, out / f"{name}.elan.txt")
        yield f"{out / name}.elan.txt: for ELAN's import of tab-delimited text"
    if forms.trace:
        from rjcma.predict import trace  # here, since matplotlib takes long to load

        trace.draw(predicted, out / f"{name}.png")
        yield f"{out / name}.png: drawn"


def _overlays(results: Sequence[Predicted], films: Mapping[str, Path], kept: Path) -> Iterator[str]:
    """Draw the film of each video, with all its people that were predicted.

    `films` has its path by the video's name. They are kept by key in the folder `kept`. Raises
    `Problem` if none can be drawn there, and `Problems` of single films after the others.
    """
    failures = Failures()
    groups = groupby(results, key=lambda each: each.clip.video)
    shown = {video: list(people) for video, people in groups}
    jobs = [
        Job(video, (people,), {"predicted": _digest(people)}, people[0].clip.frames)
        for video, people in shown.items()
    ]
    make = "rjcma.predict.overlay:overlay"
    run(failures, Work(make, jobs, kept, ".mp4", stage="predict", unit="video"))
    failed = {problem.clip for problem in failures.problems}
    for video in shown:
        if video in failed:
            continue
        try:
            with written(films[video], "a path for an MP4 file") as partial:
                shutil.copyfile(kept / f"{video}.mp4", partial)
        except Problem as problem:
            failures.problems.append(problem)
        else:
            yield f"{films[video]}: drawn"
    failures.check()


def _films(path: Path, videos: Sequence[Path]) -> dict[str, Path]:
    """The path of the film of each video, by the video's name."""
    if len(videos) == 1:
        return {videos[0].stem: path}
    return {v.stem: path.with_name(f"{path.stem}-{v.stem}{path.suffix}") for v in videos}


def _digest(people: Sequence[Predicted]) -> str:
    """The digest of all that a film shows."""
    shown = [
        [
            each.clip.model_dump_json(exclude={"file"}),
            list(each.ranges.items()),
            [digest_text(each.folds[target].tobytes().hex()) for target in each.ranges],
            each.words,
            None if each.boxes is None else digest_text(each.boxes.tobytes().hex()),
        ]
        for each in people
    ]
    return digest_value(shown)


def _refuse_forms(videos: Sequence[Path], out: Path, forms: Forms) -> None:
    """Raise `Problem` for what cannot be written; make the folders of what can."""
    if forms.parquet:
        tables.refuse_without_parquet()
    if forms.report:
        from rjcma.predict import report  # here, since matplotlib takes long to load

        report.check(out / REPORT)
    _make_folder(out / REPORT if forms.report else out, "--out")
    if forms.overlay is not None:
        if forms.overlay.is_dir() or forms.overlay.suffix.lower() != ".mp4":
            raise Problem(
                file=forms.overlay,
                found="a folder" if forms.overlay.is_dir() else "another ending than .mp4",
                expected="the path of an MP4 file",
                cure="correct --overlay",
            )
        _refuse_over_a_video(videos, forms.overlay)
        _make_folder(forms.overlay.parent, "--overlay")


def _refuse_over_a_video(videos: Sequence[Path], overlay: Path) -> None:
    """Raise `Problem` if a film would replace a video."""
    for film in _films(overlay, videos).values():
        if film.is_file() and any(film.samefile(video) for video in videos if video.is_file()):
            raise Problem(
                file=film,
                found="a video that is to be predicted",
                expected="another path, for a film replaces what is there",
                cure="correct --overlay",
            )


def _make_folder(folder: Path, option: str) -> None:
    """Make a folder in which a file can be written; raise `Problem` if that cannot be."""
    probe = folder / ".rjcma-writes"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except (FileExistsError, NotADirectoryError):
        found = "a file where a folder is to be"
    except OSError as error:
        found = f"a folder in which nothing can be written ({error.strerror})"
    else:
        return
    raise Problem(
        file=folder,
        found=found,
        expected="a folder for what is predicted",
        cure=f"correct {option}",
    )
