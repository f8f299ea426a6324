"""What the networks of runs predict of a clip."""

from __future__ import annotations

import functools
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import h5py

from rjcma.encoders import inference
from rjcma.jobs.progress import watched
from rjcma.manifest import Clip
from rjcma.training.saved import Saved, load_run

KEPT = 16
"""Networks that stay in memory for further clips (ours)."""


def write(
    runs: Sequence[tuple[str, Path]], folders: Mapping[str, Path], clip: Clip, path: Path
) -> None:
    """Write each run's predictions of a clip, a dataset (T,) in [-1, 1] by its name.

    `runs` are names and folders, `folders` those of the features by modality. Raises `Problem` for
    features that do not fit a network.
    """
    with h5py.File(path, "w") as file:
        for name, folder in watched(f"{clip.name}: runs", len(runs), "run", runs):
            saved = _loaded(folder)
            used = {m: folders[m] for m in saved.settings.modalities}
            file[name] = saved.predict([clip], used)[clip.name]


def one_core(*_: object) -> AbstractContextManager[None]:
    """While clips are predicted, each uses one core, as runs do that are trained side by side."""
    return inference.one_core_a_thread()


@functools.lru_cache(maxsize=KEPT)
def _loaded(folder: Path) -> Saved:
    return load_run(folder)
