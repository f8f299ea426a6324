"""What the networks of runs predict of a clip: as `rjcma.training.saved`, with progress shown."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from pathlib import Path

import h5py

from rjcma import device
from rjcma.encoders import inference
from rjcma.encoders.standardised import Standardised
from rjcma.jobs.progress import watched
from rjcma.manifest import Clip
from rjcma.problem import Problem
from rjcma.training.batches import Batch
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.delay import later
from rjcma.training.loader import Loader
from rjcma.training.network import input_shapes
from rjcma.training.predict import Series, predict
from rjcma.training.saved import Saved, load_run
from rjcma.training.windows import ClipWindow

KEPT = 16
"""Networks that stay in memory for further clips (ours)."""


def write(
    runs: Sequence[tuple[str, Path]],
    folders: Mapping[str, Path],
    device_name: str,
    clip: Clip,
    path: Path,
) -> None:
    """Write each run's predictions of a clip, a dataset (T,) in [-1, 1] by its name.

    `runs` are names and folders, `folders` those of the features by modality. Raises `Problem` for
    features that do not fit a network.
    """
    with h5py.File(path, "w") as file:
        for number, (name, folder) in enumerate(runs, 1):
            what = f"{clip.name}: run {number} of {len(runs)}"
            file[name] = _predicted(_loaded(folder), folders, device_name, clip, what)


def one_core(*_: object) -> AbstractContextManager[None]:
    """While clips are predicted, each uses one core, as runs do that are trained side by side."""
    return inference.one_core_a_thread()


def _predicted(
    saved: Saved, folders: Mapping[str, Path], device_name: str, clip: Clip, what: str
) -> Series:
    opened = open_all([clip], folders, input_shapes(saved.settings), None, "")
    _refuse_another_width(saved, opened[0])
    chosen = device.choose(device_name)
    windows, size = saved.settings.windows, saved.settings.training.batch
    loader = _Watched(opened, windows.frames, chosen)
    loader.what = what
    with loader:
        series = predict(saved.network.to(chosen), opened, windows, size, loader)[clip.name]
    return later(series, clip.frame_times(), float(saved.metadata.get("delay", 0.0)))


class _Watched(Loader):
    """A loader that shows how many batches have been predicted."""

    what = ""

    def load(self, groups: Sequence[Sequence[ClipWindow]]) -> Iterator[Batch]:
        """One batch per group, in this order."""
        return watched(self.what, len(groups), "step", super().load(groups))


def _refuse_another_width(saved: Saved, data: ClipData) -> None:
    """Raise `Problem` for vectors that are not as wide as those that the network was trained on."""
    for modality, encoder in saved.network.encoders.items():
        values = data.readers[modality]
        if isinstance(encoder, Standardised) and values.value_shape != (encoder.width,):
            raise Problem(
                clip=data.clip.name,
                file=values.path,
                found=f"{modality} vectors of {values.value_shape[0]} numbers",
                expected=f"{encoder.width} numbers, as the network was trained on",
                cure="predict with the models with which the run's features were made",
            )


@functools.lru_cache(maxsize=KEPT)
def _loaded(folder: Path) -> Saved:
    return load_run(folder)
