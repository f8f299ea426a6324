"""What it costs to bring windows to the network: `python -m benchmarks.loader`.

For both modes of encoders, at the batch of params.yaml and at the paper's 12: how long a step
(forward and backward, of the network that params.yaml describes) waits for its data, how fast these
are read, and how much more would be sent if windows that overlap did not share their rows. Then the
views of faces, all windows at once against one window after another.

The corpus is the one at hand (data/, after `make repro`), else clips of noise; vectors that are not
there are noise too, as wide as the paper's backbones give them. All files were read once before.
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
STEPS = 9  # timed ones; one more goes before
NOISE_FRAMES = {"long": 1811, "middling": 907, "short": 211}  # clips, where there is no corpus
WIDTHS = {"visual": 512, "audio": 128, "text": 768}  # of IR-ResNet50, VGGish and BERT
FEATURES = {
    "finetune": {"visual": "faces", "audio": "logmel", "text": "text"},
    "precompute": {"visual": "visual", "audio": "audio", "text": "text"},
}
"""By mode and modality, the feature that is read."""


class Cost(NamedTuple):
    """What a step took, in seconds, and what was sent for it, in megabytes.

    `views` is the part of the step that gathers values from rows and cuts faces; `unshared` how
    many times as much its rows would be, were none shared.
    """

    step: float
    waiting: float
    views: float
    megabytes: float
    unshared: float


def settings(mode: str) -> Settings:
    """Those of params.yaml, with both encoders in this mode."""
    chosen = Settings.read(PARAMS)
    encoders = {m: getattr(chosen.encoders, m) for m in ("visual", "audio")}
    update = {m: encoder.model_copy(update={"mode": mode}) for m, encoder in encoders.items()}
    return chosen._replace(encoders=chosen.encoders.model_copy(update=update))


def clips_at_hand() -> list[Clip]:
    """The corpus's, else some to be made of noise."""
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
    """The folder of a feature: the corpus's, else one of noise, made in `folder`."""
    if is_at_hand(name, clips):
        return DATA / "features" / name
    (folder / name).mkdir(exist_ok=True)
    generator = np.random.default_rng(1)
    for clip in clips:
        write_noise(folder / name / f"{clip.name}.h5", name, clip.frames, generator)
    return folder / name


def is_at_hand(name: str, clips: list[Clip]) -> bool:
    """Whether the corpus has a feature. Of `visual` and `audio` there are vectors only where
    params.yaml has the encoder precomputed; else the files there refer to what it looks at."""
    encoder = Settings.read(PARAMS).encoders.of(name)
    if encoder is not None and encoder.mode != "precompute":
        return False
    return all((DATA / "features" / name / f"{clip.name}.h5").is_file() for clip in clips)


def write_noise(path: Path, name: str, frames: int, generator: np.random.Generator) -> None:
    """A feature of noise, of the shape that the real one has."""
    if name == "faces":
        crops = generator.integers(0, 256, (frames, 48, 48, 3), dtype=np.uint8)
        store.write(path, crops, np.arange(frames))
    elif name == "logmel":
        rows = generator.normal(size=(frames * 10 // 3 + 97, 64)).astype(np.float32)
        store.write(path, rows, np.arange(frames) * 10 // 3)
    else:
        store.write(path, generator.normal(size=(frames, WIDTHS[name])).astype(np.float32))


def opened(mode: str, chosen: Settings, clips: list[Clip], folder: Path) -> list[ClipData]:
    """The clips' features; labels play no part here."""
    names = {m: FEATURES[mode][m] for m in chosen.modalities}
    folders = {m: feature(name, clips, folder) for m, name in names.items()}
    return open_all(clips, folders, network.input_shapes(chosen), None, "valence")


def drawn(some: list[ClipData], windows: Windows, size: int) -> Iterator[list[ClipWindow]]:
    """Batches without end, each epoch's windows at random places and in random order."""
    generator = np.random.default_rng(1)

    def pieces() -> Iterator[ClipWindow]:
        while True:
            every = [
                ClipWindow(data.clip.name, *window)
                for data in some
                for window in random(data.clip.frames, windows, generator)
            ]
            yield from (every[n] for n in generator.permutation(len(every)))

    return batches(pieces(), size)


def cost(mode: str, size: int, clips: list[Clip], folder: Path) -> Cost:
    """Of a step of so many windows: the mean of some, after one that does not count."""
    chosen = settings(mode)
    where = device.choose(chosen.training.device, "training.device")
    some = opened(mode, chosen, clips, folder)
    for reader in (reader for data in some for reader in data.readers.values()):
        reader.read(0, reader.frames)
    trained = network.fresh(some, chosen).to(where).train()
    endless = drawn(some, chosen.windows, size)
    groups = [next(endless) for _ in range(STEPS + 1)]
    with Loader(some, chosen.windows.frames, where) as loader:
        costs = list(_steps(loader, groups, trained, some, where))[1:]
    return Cost(*(statistics.mean(values) for values in zip(*costs, strict=True)))


def _steps(
    loader: Loader,
    groups: list[list[ClipWindow]],
    trained: Network,
    some: list[ClipData],
    where: torch.device,
) -> Iterator[Cost]:
    size, clips = network.crop_size(trained), {data.clip.name: data for data in some}
    generator, began, waited = np.random.default_rng(1), time.perf_counter(), loader.waited
    for group, inputs in zip(groups, loader.load(groups), strict=True):
        at = time.perf_counter()
        values = inputs.values(size, augmentations(len(inputs.lengths), generator))
        _synchronise(where)
        seen = time.perf_counter()
        trained(values, inputs.valid).square().mean().backward()
        trained.zero_grad(set_to_none=True)
        _synchronise(where)
        ended = time.perf_counter()
        sent = sum(tensor.nbytes for tensor in inputs.tensors()) / 1e6
        waiting = loader.waited - waited
        rows = sum(tensor.nbytes for tensor in inputs.rows.values())
        yield Cost(ended - began, waiting, seen - at, sent, unshared(group, clips) / rows)
        began, waited = time.perf_counter(), loader.waited


def unshared(group: list[ClipWindow], clips: Mapping[str, ClipData]) -> int:
    """Bytes of rows that would be sent if each window had its own."""
    sent = 0
    for name, start, stop in group:
        for reader in clips[name].readers.values():
            first, last = reader.extent(start, stop)
            sent += (last - first) * reader.rows[:1].nbytes
    return sent


def one_by_one(crops: torch.Tensor, lengths: list[int], drawn: Augmentations) -> torch.Tensor:
    """What `augmented` gives, plainly: one window after another."""
    room, seen = crops.shape[1] - SIZE, []
    for window, (top, left, flip) in zip(crops.split(lengths), drawn, strict=True):
        top, left = int(top * (room + 1)), int(left * (room + 1))
        cut = window[:, top : top + SIZE, left : left + SIZE]
        seen.append(cut.flip(2) if flip >= 0.5 else cut)
    return (torch.cat(seen).permute(0, 3, 1, 2).float() / 255 - 0.5) / 0.5


def seconds(work: Callable[[], object], where: torch.device) -> float:
    """The median time of a few runs, after one that does not count."""
    spent = []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        work()
        _synchronise(where)
        spent.append(time.perf_counter() - began)
    return statistics.median(spent[1:])


def _synchronise(where: torch.device) -> None:
    if where.type == "cuda":
        torch.cuda.synchronize(where)


def _print_steps(clips: list[Clip]) -> None:
    print("| mode | batch | step ms | waiting ms | share | views ms | MB | MB/s read | unshared |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|")
    with tempfile.TemporaryDirectory() as folder:
        for mode in FEATURES:
            for size in sorted({settings(mode).training.batch, PAPERS_BATCH}):
                found = cost(mode, size, clips, Path(folder))
                print(
                    f"| {mode} | {size} | {1e3 * found.step:.0f} | {1e3 * found.waiting:.2f}"
                    f" | {found.waiting / found.step:.1%} | {1e3 * found.views:.1f}"
                    f" | {found.megabytes:.1f} | {found.megabytes / found.waiting:.0f}"
                    f" | {found.unshared:.2f} |",
                    flush=True,
                )


def _print_views(where: torch.device) -> None:
    crops = torch.randint(0, 256, (PAPERS_BATCH * 300, 48, 48, 3), dtype=torch.uint8, device=where)
    lengths = [300] * PAPERS_BATCH
    places = augmentations(PAPERS_BATCH, np.random.default_rng(1))
    together = seconds(lambda: augmented(crops, lengths, places, SIZE), where)
    each = seconds(lambda: one_by_one(crops, lengths, places), where)
    print(f"\nViews of {PAPERS_BATCH} windows of 300 faces: {1e3 * together:.1f} ms at once,")
    print(f"{1e3 * each:.1f} ms one by one ({each / together:.2f} times as long).")


def main() -> None:
    training, clips = settings("finetune").training, clips_at_hand()
    where = device.choose(training.device, "training.device")
    if training.threads is not None:
        torch.set_num_threads(training.threads)
    frames = sum(clip.frames for clip in clips)
    print(f"{len(clips)} clips, {frames} frames, on {where}, {torch.get_num_threads()} threads.")
    print("Unshared: how many times as much the rows would be if each window had its own.\n")
    _print_steps(clips)
    _print_views(where)


if __name__ == "__main__":
    main()
