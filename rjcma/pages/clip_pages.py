"""A page per clip."""

from __future__ import annotations

from rjcma.pages.site import Site
from rjcma.pages.sources import Sources
from rjcma.scoring.report import Results


def write(site: Site, results: Results, sources: Sources) -> None:
    """Write `clips/<clip>.html` for each clip of the results."""
    for clip in results.clips:
        site.page(f"clips/{clip.name}.html", "clip.html", title=clip.name, clip=clip)
