"""Tiny real corpora in Aff-Wild2's layout, for the tests of `rjcma.corpus`."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

FACE = b"\xff\xd8 the audit does not open crops \xff\xd9"


def video(
    path: Path,
    frames: int = 11,
    rate: Fraction | int = 25,
    *,
    codec: str = "libx264",
    sound: bool = True,
    stamps: Sequence[int] | None = None,
    base: Fraction = Fraction(1, 1000),
    muxing: dict[str, str] | None = None,
) -> None:
    """Write a noisy 64 x 48 video. `stamps` are the frames' times in ticks of `base`, if given."""
    path.parent.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(frames)
    with av.open(str(path), "w", options=muxing or {}) as container:
        stream = container.add_stream(codec, rate=rate)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        if stamps is not None:
            stream.codec_context.time_base = base
        voice = container.add_stream(_audio_codec(path), rate=48000) if sound else None
        for k in range(frames):
            picture = noise.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
            if stamps is not None:
                frame.pts, frame.time_base = stamps[k], base
            container.mux(stream.encode(frame))
            if voice is not None:
                container.mux(voice.encode(_silence(k, rate)))
        container.mux(stream.encode(None))
        if voice is not None:
            container.mux(voice.encode(None))


def annotation(path: Path, rows: int, text: str | None = None) -> None:
    """Write an annotation with this many rows, or this text."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lines = [f"{k % 7 / 7:.3f},{-(k % 5) / 5:.3f}\n" for k in range(rows)]
    path.write_text("valence,arousal\n" + "".join(lines) if text is None else text, newline="")


def crops(folder: Path, numbers: Sequence[int]) -> None:
    """Write crops with these numbers."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        (folder / f"{number:05}.jpg").write_bytes(FACE)


def corpus(root: Path) -> dict[str, object]:
    """Make a corpus of six clips of five videos without faults; -> its section of params.

    train: a (11 frames), b_left and b_right (13), c (7); validation: v (11); test: t (5).
    """
    frames = {"a": 11, "b": 13, "c": 7, "v": 11, "t": 5}
    for stem, count in frames.items():
        video(root / "videos" / f"{stem}.mp4", count)
    for clip in ("a", "b_left", "b_right", "c", "v"):
        partition = "Validation_Set" if clip == "v" else "Train_Set"
        annotation(root / "VA" / partition / f"{clip}.txt", frames[clip[0]])
    for clip in ("a", "b_left", "b_right", "c", "v", "t"):
        crops(root / "cropped_aligned" / clip, range(1, frames[clip[0]] + 1, 2))
    (root / "test.txt").write_text("t\n")
    return {
        "root": str(root),
        "videos": ["videos"],
        "faces": ["cropped_aligned"],
        "train": "VA/Train_Set",
        "validation": "VA/Validation_Set",
        "test": "test.txt",
        "folds": 3,
    }


def _audio_codec(path: Path) -> str:
    return "libopus" if path.suffix == ".webm" else "aac"


def _silence(k: int, rate: Fraction | int) -> av.AudioFrame:
    count = int(48000 / rate)
    frame = av.AudioFrame.from_ndarray(np.zeros((1, count), np.float32), "fltp", "mono")
    frame.sample_rate, frame.pts = 48000, k * count
    return frame
