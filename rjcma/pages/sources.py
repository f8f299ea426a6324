"""What the pages show beside the results: found where it is here, and left out where it is not.

None of it is needed to score: a colleague may have pulled only the runs. The pages then say what
is missing, and show the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


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
    ablation: Path | None = None
    """The report of the ablation."""
    corpus: Path | None = None
    """The corpus's root, under which the videos are; pages only refer to them."""
