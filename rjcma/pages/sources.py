"""What the pages show beside the results: found where it is here, and left out where it is not.

None of it is needed to score: a colleague may have pulled only the runs. What is missing is None,
and so is what is damaged or does not fit its clip, with a line that says so. The pages say what
they miss, and show the rest.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.attention import stored
from rjcma.attention.stored import Attention
from rjcma.audio.windows import WINDOW_ROWS
from rjcma.jobs.digests import digest_value
from rjcma.jobs.inputs import digest_inputs
from rjcma.jobs.progress import say
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.speech import words
from rjcma.speech.words import Word
from rjcma.store import FeatureReader


class Sources(NamedTuple):
    """Folders; any may be missing, or be None."""

    runs: Path
    """The trained runs."""
    features: Path | None = None
    """The features: `faces`, `logmel` and others below it."""
    words: Path | None = None
    """The recognised words."""
    transcripts: Path | None = None
    """The words with their punctuation."""
    attention: Path | None = None
    """The attention of the trained networks."""
    ablation: Path | None = None
    """The report of the ablation."""
    corpus: Path | None = None
    """The corpus's root, under which the videos are; pages only refer to them."""

    def faces(self, clip: Clip) -> FeatureReader | None:
        """The clip's face crops."""
        return self._feature("faces", clip, span=1)

    def logmel(self, clip: Clip) -> FeatureReader | None:
        """The clip's log-mel windows."""
        return self._feature("logmel", clip, span=WINDOW_ROWS)

    def transcript(self, clip: Clip) -> list[Word] | None:
        """The words of the clip's video."""
        path = self.transcripts / f"{clip.video}.json" if self.transcripts else None
        if path is None or not path.is_file():
            return None
        try:
            return words.read(path)
        except Problem as problem:
            _tell(str(problem))
            return None

    def attended(self, clip: Clip) -> list[Attention] | None:
        """The attention of a network of each target for the clip."""
        path = self.attention / f"{clip.name}.h5" if self.attention else None
        if path is None or not path.is_file():
            return None
        try:
            return stored.read(path)
        except Problem as problem:
            _tell(str(problem))
            return None

    def digests(self, clips: Sequence[Clip]) -> dict[str, str]:
        """A digest of the files of each kind that are here, for the report's provenance."""
        own = [f"{clip.name}.h5" for clip in clips]
        of_videos = sorted({f"{clip.video}.json" for clip in clips})
        folders = {
            "faces": (self.features and self.features / "faces", own),
            "logmel": (self.features and self.features / "logmel", own),
            "transcripts": (self.transcripts, of_videos),
            "attention": (self.attention, own),
        }
        return {
            f"all {kind}": digest
            for kind, (folder, names) in folders.items()
            if folder and (digest := _digest(folder, names))
        }

    def _feature(self, name: str, clip: Clip, span: int) -> FeatureReader | None:
        path = self.features / name / f"{clip.name}.h5" if self.features else None
        if path is None or not path.is_file():
            return None
        reader = FeatureReader(path, clip=clip.name, frames=clip.frames, span=span)
        try:
            _ = reader.index  # which checks the file
        except Problem as problem:
            _tell(str(problem))
            return None
        return reader


def _digest(folder: Path, names: Sequence[str]) -> str:
    """The digest of what is here of these files; empty if that is nothing."""
    here = [name for name in names if (folder / name).is_file()]
    contents = digest_inputs([folder / name for name in here])
    return digest_value(list(zip(here, contents, strict=True))) if here else ""


@functools.cache  # once, though the front page and the page of the clip both read the file
def _tell(problem: str) -> None:
    say(f"note: {problem}; the pages are without it")
