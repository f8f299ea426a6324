"""A tiny world with pages: scored runs, and the features and words that pages show."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import scoring_world

from rjcma import store
from rjcma.pages import report
from rjcma.pages.sources import Sources
from rjcma.speech import words
from rjcma.speech.words import Word

ABLATION = """## Recursions

| Row | Mean | Difference |
| --- | ---- | ---------- |
| RJCMA | 0.500 ± 0.100 | reference |
| JCA | 0.400 ± 0.050 | -0.100 |

## What the numbers are

- Runs per row: 6.
"""


def make(root: Path, **options):
    """A world as `scoring_world.make`, with faces in all frames but the second, and two words."""
    world = scoring_world.make(root, **options)
    world.features, world.transcripts = root / "features", root / "transcripts"
    world.ablation = root / "ablation"
    for folder in (world.features / "faces", world.transcripts):
        folder.mkdir(parents=True)
    for clip in world.clips:
        index = np.arange(clip.frames) - 1
        index[0], index[1] = 0, -1
        crops = np.zeros((clip.frames - 1, 8, 8, 3), np.uint8)
        crops[...] = np.arange(clip.frames - 1)[:, None, None, None]
        store.write(world.features / "faces" / f"{clip.name}.h5", crops, np.maximum(index, -1))
        ends = clip.frame_times() + 0.5 / clip.fps  # of frames 1 and 3
        spoken = [Word("One", 0.0, ends[1], 1.0), Word("two.", ends[2], ends[3], 0.5)]
        words.write(world.transcripts / f"{clip.video}.json", spoken)
    return world


def ablate(world) -> None:
    """Put the report of an ablation where the pages look for it."""
    world.ablation.mkdir()
    (world.ablation / "tables.md").write_text(ABLATION)


def sources(world, **other) -> Sources:
    """All that the world has, or what is given."""
    found = {
        "features": world.features,
        "transcripts": world.transcripts,
        "ablation": world.ablation,
        "corpus": world.root / "corpus",
    }
    return Sources(world.runs, **{**found, **other})


def write(world, **other) -> Path:
    """Write the world's pages -> their folder."""
    report.write(scoring_world.results(world), world.report, sources(world, **other))
    return world.report
