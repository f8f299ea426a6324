"""The pages of predicted clips: those of the report, without truth."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.attention import stored
from rjcma.audio.windows import WINDOW_ROWS
from rjcma.mp4.previews import previews
from rjcma.pages import made_from, predictions, site
from rjcma.pages.clip_pages import address_of
from rjcma.pages.clip_view import ClipView, FoldSeries
from rjcma.pages.site import CLIPS
from rjcma.predict.result import Predicted
from rjcma.predict.videos import ROOT
from rjcma.store import FeatureReader

PREVIEWS = "previews"


def check(folder: Path) -> None:
    """Raise `Problem` if `folder` has pages of something else, which would be replaced."""
    site.refuse_others(folder, predictions.DATA, "name another folder by --out")


def write(made: Sequence[Predicted], folder: Path) -> None:
    """Write the pages of these clips into `folder`, and replace earlier ones."""
    views = [view(each, folder / CLIPS) for each in made]
    predictions.write(views, folder, made_from.of_files(made[0].files) if made else [])


def write_previews(made: Sequence[Predicted], folder: Path) -> None:
    """Write previews of the videos that no browser plays, for the pages in `folder`.

    Raises `Problems`, one line for each video of which there is none, and `Problem` if files that
    are no previews are where they belong.
    """
    previews([each.clip for each in made], ROOT, folder / PREVIEWS)


def view(predicted: Predicted, pages: Path) -> ClipView:
    """What the page of a predicted clip shows; `pages` is the folder of the pages."""
    attention = predicted.files.get("attention")
    return ClipView(
        clip=predicted.clip,
        ranges=predicted.ranges,
        truth={},
        folds={
            target: [FoldSeries(fold, False, values) for fold, values in enumerate(series)]
            for target, series in predicted.folds.items()
        },
        words=predicted.words if "transcripts" in predicted.files else None,
        faces=_reader(predicted, "faces"),
        logmel=_reader(predicted, "logmel", WINDOW_ROWS),
        video=predicted.video.name,
        videos=address_of(_near(predicted.video.parent), pages),
        attention=stored.read(attention) if attention else None,
    )


def _near(folder: Path) -> Path:
    """The folder relative to the present one, if it is below it."""
    here = Path.cwd()
    return folder.relative_to(here) if folder.is_relative_to(here) else folder


def _reader(predicted: Predicted, kind: str, span: int = 1) -> FeatureReader | None:
    path, clip = predicted.files.get(kind), predicted.clip
    if path is None:
        return None
    return FeatureReader(path, clip=clip.name, frames=clip.frames, span=span)
