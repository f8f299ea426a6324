"""What the pages show beside the results: found where it is here, and left out where it is not.

None of it is needed to score: a colleague may have pulled only the runs. What is missing is None,
and so is what is damaged or does not fit its clip, with a line that says so. The pages say what
they miss, and show the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

from rjcma.attention import stored
from rjcma.attention.stored import Attention
from rjcma.audio.windows import WINDOW_ROWS
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
            _tell(problem)
            return None

    def attended(self, clip: Clip) -> list[Attention] | None:
        """The attention of a network of each target for the clip."""
        path = self.attention / f"{clip.name}.h5" if self.attention else None
        if path is None or not path.is_file():
            return None
        try:
            return stored.read(path)
        except Problem as problem:
            _tell(problem)
            return None

    def _feature(self, name: str, clip: Clip, span: int) -> FeatureReader | None:
        path = self.features / name / f"{clip.name}.h5" if self.features else None
        if path is None or not path.is_file():
            return None
        reader = FeatureReader(path, clip=clip.name, frames=clip.frames, span=span)
        try:
            _ = reader.index  # which checks the file
        except Problem as problem:
            _tell(problem)
            return None
        return reader


def _tell(problem: Problem) -> None:
    say(f"note: {problem}; the pages are without it")
