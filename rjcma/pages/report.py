"""The report's pages: a front page, and a page per clip, of the results that stage `score` has."""

from __future__ import annotations

from pathlib import Path

from rjcma.pages import clip_pages, front, site
from rjcma.pages.sources import Sources
from rjcma.scoring.report import Results


def write(results: Results, folder: Path, sources: Sources) -> None:
    """Write the pages into `folder`, and replace earlier ones."""
    with site.building(folder, "Report") as pages:
        front.write(pages, results, sources)
        clip_pages.write(pages, results, sources)
