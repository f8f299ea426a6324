"""The videos and the runs that a user names, in files, folders and bundles."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.corpus.layout import VIDEO_SUFFIXES
from rjcma.predict import bundle

LIVE = "live"
"""The folder of curves in a run's folder (`rjcma.training.runs`)."""


def folders(named: Sequence[Path], work: Path) -> list[Path]:
    """The folder of each run that is named; bundles are unpacked below the folder `work`.

    A path that is none of these is returned as it is, to be reported when it is opened. Raises
    `Problem` for a bundle that cannot be used.
    """
    found: list[Path] = []
    for path in named:
        if bundle.is_bundle(path):
            found += bundle.unpacked(path, work)
        else:
            found += _within(path) or [path]
    return found


def divided(paths: Sequence[Path]) -> tuple[list[Path], list[Path]]:
    """Videos, and what is no video but runs: a shell puts all of `--run FOLDER/*` among them.

    A folder that holds videos stands for these, in the order of their names. One that holds neither
    videos nor runs is taken for a video, to be reported as such.
    """
    videos: list[Path] = []
    runs: list[Path] = []
    for path in paths:
        within = _videos(path)
        if within:
            videos += within
        elif _is_run(path) or _within(path) or bundle.is_bundle(path):
            runs.append(path)
        else:
            videos.append(path)
    return videos, runs


def _videos(folder: Path) -> list[Path]:
    """The videos in a folder, by the ends of their names."""
    if not folder.is_dir():
        return []
    return sorted(p for p in folder.iterdir() if p.suffix.lower() in VIDEO_SUFFIXES and p.is_file())


def _within(folder: Path) -> list[Path]:
    """The runs in a folder that is no run itself; unfinished ones are reported when opened."""
    if _is_run(folder) or not folder.is_dir():
        return []
    return sorted(path for path in folder.iterdir() if _is_run(path))


def _is_run(folder: Path) -> bool:
    """Whether a folder has a file of a run, or the curves that are drawn while it is trained."""
    return any((folder / name).exists() for name in (*bundle.FILES, LIVE))
