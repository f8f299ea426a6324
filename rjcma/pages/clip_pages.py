"""A page per clip of the results."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

from rjcma.corpus.labels import in_own_units
from rjcma.manifest import Clip
from rjcma.pages import clip_page
from rjcma.pages.clip_data import UP
from rjcma.pages.clip_page import Neighbour
from rjcma.pages.clip_view import ClipView, FoldSeries
from rjcma.pages.site import CLIPS, Site
from rjcma.pages.sources import Sources
from rjcma.scoring.report import Results


def write(site: Site, results: Results, sources: Sources) -> None:
    """Write `clips/<clip>.html` for each clip of the results."""
    names = [clip.name for clip in results.clips]
    pages = [None, *map(Neighbour.of, names), None]
    for number, view in enumerate(views(results, sources, site.folder.parent / CLIPS)):
        clip_page.write(site, view, pages[number], pages[number + 2])


def views(results: Results, sources: Sources, pages: Path) -> Iterator[ClipView]:
    """What each page shows; `pages` is the folder of the pages."""
    for clip in results.clips:
        yield ClipView(
            clip=clip,
            ranges=results.ranges,
            truth={
                target: in_own_units(results.truth[target][clip.name], scale)
                for target, scale in results.ranges.items()
            },
            folds={target: _folds(results, clip, target) for target in results.targets},
            words=sources.transcript(clip),
            faces=sources.faces(clip),
            logmel=sources.logmel(clip),
            video=clip.file,
            videos=address_of(sources.corpus, pages),
            attention=sources.attended(clip),
            table=f"{UP}traces/{quote(clip.name)}.csv",
        )


def address_of(folder: Path | None, pages: Path) -> str:
    """A folder as pages refer to it: from the pages, if both are in the project, else absolute.

    The project is the present folder. So nothing in a page depends on where the project is, as long
    as both are in it. A reader can set another folder.

    >>> address_of(Path("corpora/sample"), Path("report/clips"))
    '../../corpora/sample'
    >>> address_of(Path("/corpora/sample"), Path("report/clips"))
    '/corpora/sample'
    """
    if folder is None:
        return "."
    if folder.is_absolute() or Path(os.path.relpath(pages)).parts[0] == os.pardir:
        return folder.absolute().as_posix()
    return Path(os.path.relpath(folder, pages)).as_posix()


def _folds(results: Results, clip: Clip, target: str) -> list[FoldSeries]:
    scale = results.ranges[target]
    return [
        FoldSeries(
            run.fold, clip.name in run.train, in_own_units(run.predictions[clip.name], scale)
        )
        for run in results.runs
        if run.target == target
    ]
