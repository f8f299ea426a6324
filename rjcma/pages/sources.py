"""What the pages show beside the results: found where it is here, and left out where it is not.

A colleague may have pulled only the runs. The pages say what is missing, and show the rest.
"""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Sources(NamedTuple):
    """Folders, any of which may be missing."""

    runs: Path
    """The trained runs."""
    features: Path
    """The features: faces, logmel."""
    transcripts: Path
    ablation: Path
    """The report of the ablation."""
    corpus: Path
    """The corpus's root, under which the videos are; pages only refer to them."""
