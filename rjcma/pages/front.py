"""The front page of a report."""

from __future__ import annotations

from rjcma.pages.site import Site, clip_address
from rjcma.pages.sources import Sources
from rjcma.scoring.report import Results


def write(site: Site, results: Results, sources: Sources) -> None:
    """Write `index.html`."""
    clips = [(clip.name, clip_address(clip.name)) for clip in results.clips]
    site.page("index.html", "front.html", title="Report", clips=clips)
