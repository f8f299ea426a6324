"""The cost of loading windows for the network: `python -m benchmarks.loader`.

For both modes of encoders, with the batch of params.yaml and with the paper's 12: how long a step
(forward and backward, of the network of params.yaml) waits for its data, how fast data are read,
and how much more would be sent if overlapping windows did not share rows. Then the augmentation of
faces: all windows at once, compared with one window after another.

The corpus is the current one (data/, after `make repro`), else clips of noise. Missing features are
noise too, as wide as the paper's backbones give them. All files have been read once before.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from rjcma import device, manifest, store
from rjcma.encoders.compact_visual import SIZE
from rjcma.fusion.network import Network
from rjcma.manifest import Clip
from rjcma.training import network
from rjcma.training.batches import batches
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.loader import Loader
from rjcma.training.sections import Settings
from rjcma.training.windows import ClipWindow, Windows, random
from rjcma.vision.augmentation import Augmentations, augmentations, augmented

PARAMS, DATA = Path("params.yaml"), Path("data")
PAPERS_BATCH = 12
STEPS = 9  # timed, after one more that is not
NOISE_FRAMES = {"long": 1811, "middling": 907, "short": 211}  # clips, if there is no corpus
WIDTHS = {"visual": 512, "audio": 128, "text": 768}  # of IR-ResNet50, VGGish and BERT
FEATURES = {
    "finetune": {"visual": "faces", "audio": "logmel", "text": "text"},
    "precompute": {"visual": "visual", "audio": "audio", "text": "text"},
}
"""The feature that is read, by mode and modality."""


class Cost(NamedTuple):
    """The time of a step, in seconds, and the data sent for it, in megabytes.

    `values` is the time in which values are gathered from rows and faces are cut. `unshared` is the
    size of the rows if each window had its own, divided by their size.
    """

    step: float
    waiting: float
    values: float
    megabytes: float
    unshared: float


def settings(mode: str) -> Settings:
    """The settings of params.yaml, with both encoders in this mode."""
    chosen = Settings.read(PARAMS)
    encoders = {m: getattr(chosen.encoders, m) for m in ("visual", "audio")}
    update = {m: encoder.model_copy(update={"mode": mode}) for m, encoder in encoders.items()}
    return chosen._replace(encoders=chosen.encoders.model_copy(update=update))


def current_clips() -> list[Clip]:
    """The clips of the corpus, else clips for which there will be noise."""
    if (DATA / "clips.jsonl").is_file():
        return list(manifest.read(DATA / "clips.jsonl"))
    return [
        Clip(
            name=name,
            video=name,
            partition="train",
            fps=30,
            frames=frames,
            file=f"{name}.mp4",
            video_digest="",
            decoded=frames,
            times=None,
            faces=None,
            faces_digest="",
            sound=True,
        )
        for name, frames in NOISE_FRAMES.items()
    ]


def feature(name: str, clips: list[Clip], folder: Path) -> Path:
    """The folder of a feature: that of the corpus, else noise, written to `folder`."""
    if exists(name, clips):
        return DATA / "features" / name
    (folder / name).mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    for clip in clips:
        write_noise(folder / name / f"{clip.name}.h5", name, clip.frames, generator)
    return folder / name


def exists(name: str, clips: list[Clip]) -> bool:
    """Whether the corpus has a feature.

    `visual` and `audio` are vectors only if params.yaml has the encoder precomputed; otherwise
    those files refer to the encoder's inputs.
    """
    encoder = Settings.read(PARAMS).encoders.of(name)
    if encoder is not None and encoder.mode != "precompute":
        return False
    return all((DATA / "features" / name / f"{clip.name}.h5").is_file() for clip in clips)


def write_noise(path: Path, name: str, frames: int, generator: np.random.Generator) -> None:
    """Write noise with the shape of the real feature."""
    if name == "faces":
        crops = generator.integers(0, 256, (frames, 48, 48, 3), dtype=np.uint8)
        store.write(path, crops, np.arange(frames))
    elif name == "logmel":
        rows = generator.normal(size=(frames * 10 // 3 + 97, 64)).astype(np.float32)
        store.write(path, rows, np.arange(frames) * 10 // 3)
    else:
        store.write(path, generator.normal(size=(frames, WIDTHS[name])).astype(np.float32))


def opened(mode: str, chosen: Settings, clips: list[Clip], folder: Path) -> list[ClipData]:
    """The clips' features, without labels."""
    names = {m: FEATURES[mode][m] for m in chosen.modalities}
    folders = {m: feature(name, clips, folder) for m, name in names.items()}
    return open_all(clips, folders, network.input_shapes(chosen), None, "valence")


def random_batches(data: list[ClipData], windows: Windows, size: int) -> Iterator[list[ClipWindow]]:
    """Endless batches: in each epoch windows at random places, in random order."""
    generator = np.random.default_rng(1)

    def shuffled() -> Iterator[ClipWindow]:
        while True:
            epoch = [
                ClipWindow(one.clip.name, *window)
                for one in data
                for window in random(one.clip.frames, windows, generator)
            ]
            yield from (epoch[n] for n in generator.permutation(len(epoch)))

    return batches(shuffled(), size)


def cost(mode: str, size: int, clips: list[Clip], folder: Path) -> Cost:
    """The mean cost of a step of `size` windows, after a first one that does not count."""
    chosen = settings(mode)
    where = device.choose(chosen.training.device, "training.device")
    data = opened(mode, chosen, clips, folder)
    for reader in (reader for one in data for reader in one.readers.values()):
        reader.read(0, reader.frames)
    trained = network.fresh(data, chosen).to(where).train()
    endless = random_batches(data, chosen.windows, size)
    groups = [next(endless) for _ in range(STEPS + 1)]
    with Loader(data, chosen.windows.frames, where) as loader:
        costs = list(_steps(loader, groups, trained, data, where))[1:]
    return Cost(*(statistics.mean(values) for values in zip(*costs, strict=True)))


def _steps(
    loader: Loader,
    groups: list[list[ClipWindow]],
    trained: Network,
    data: list[ClipData],
    where: torch.device,
) -> Iterator[Cost]:
    size, clips = network.crop_size(trained), {one.clip.name: one for one in data}
    generator, began, waited = np.random.default_rng(1), time.perf_counter(), loader.waited
    for group, inputs in zip(groups, loader.load(groups), strict=True):
        loaded = time.perf_counter()
        values = inputs.values(size, augmentations(len(inputs.lengths), generator))
        _synchronise(where)
        gathered = time.perf_counter()
        trained(values, inputs.valid).square().mean().backward()
        trained.zero_grad(set_to_none=True)
        _synchronise(where)
        ended = time.perf_counter()
        sent = sum(tensor.nbytes for tensor in inputs.tensors()) / 1e6
        waiting = loader.waited - waited
        rows = sum(tensor.nbytes for tensor in inputs.rows.values())
        yield Cost(ended - began, waiting, gathered - loaded, sent, unshared(group, clips) / rows)
        began, waited = time.perf_counter(), loader.waited


def unshared(group: list[ClipWindow], clips: Mapping[str, ClipData]) -> int:
    """Bytes of rows that would be sent if each window had its own rows."""
    sent = 0
    for name, start, stop in group:
        for reader in clips[name].readers.values():
            first, last = reader.extent(start, stop)
            sent += (last - first) * reader.rows[:1].nbytes
    return sent


def one_by_one(crops: torch.Tensor, lengths: list[int], by_window: Augmentations) -> torch.Tensor:
    """The same as `augmented`, one window after another."""
    margin, views = crops.shape[1] - SIZE, []
    for window, (top, left, flip) in zip(crops.split(lengths), by_window, strict=True):
        top, left = int(top * (margin + 1)), int(left * (margin + 1))
        cut = window[:, top : top + SIZE, left : left + SIZE]
        views.append(cut.flip(2) if flip >= 0.5 else cut)
    return (torch.cat(views).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def seconds(work: Callable[[], object], where: torch.device) -> float:
    """The median time of `STEPS` runs, after a first one that does not count."""
    times = []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        work()
        _synchronise(where)
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


def _synchronise(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def _print_steps(clips: list[Clip]) -> None:
    print("| mode | batch | step ms | waiting ms | share | values ms | MB | MB/s read | unshared |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for mode in FEATURES:
            for size in sorted({settings(mode).training.batch, PAPERS_BATCH}):
                mean = cost(mode, size, clips, Path(folder))
                print(
                    f"| {mode} | {size} | {1e3 * mean.step:.0f} | {1e3 * mean.waiting:.2f}"
                    f" | {mean.waiting / mean.step:.1%} | {1e3 * mean.values:.1f}"
                    f" | {mean.megabytes:.1f} | {mean.megabytes / mean.waiting:.0f}"
                    f" | {mean.unshared:.2f} |",
                    flush=True,
                )


def _print_augmentation(where: torch.device) -> None:
    crops = torch.randint(0, 256, (PAPERS_BATCH * 300, 48, 48, 3), dtype=torch.uint8, device=where)
    lengths = [300] * PAPERS_BATCH
    by_window = augmentations(PAPERS_BATCH, np.random.default_rng(1))
    together = seconds(lambda: augmented(crops, lengths, by_window, SIZE), where)
    each = seconds(lambda: one_by_one(crops, lengths, by_window), where)
    print(
        f"\nAugmentation of {PAPERS_BATCH} windows of 300 faces: {1e3 * together:.1f} ms at once,"
    )
    print(f"{1e3 * each:.1f} ms one by one ({each / together:.2f} times as long).")


def main() -> None:
    training, clips = settings("finetune").training, current_clips()
    where = device.choose(training.device, "training.device")
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    frames = sum(clip.frames for clip in clips)
    print(f"{len(clips)} clips, {frames} frames, on {where}, {torch.get_num_threads()} threads.")
    print("Unshared: the size of the rows if each window had its own, divided by their size.\n")
    _print_steps(clips)
    _print_augmentation(where)


if __name__ == "__main__":
    main()
