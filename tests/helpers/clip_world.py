"""A clip with everything that its page shows, and a video whose pictures say their number."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np
from chromium import eventually
from clips import clip

from rjcma import store
from rjcma.attention.stored import Attention, as_bytes
from rjcma.manifest import Clip
from rjcma.pages import clip_page, site
from rjcma.pages.clip_view import ClipView, FoldSeries
from rjcma.speech.words import Word
from rjcma.store import FeatureReader

FRAMES, FPS = 100, 25
BITS, BAR = 8, 20
"""A picture shows its frame's number in binary: white bars of 20 pixels, the lowest bit first."""

WORDS = [
    Word("Hello,", 0.21, 0.55, 1.0),
    Word("you", 0.55, 0.9, 1.0),
    Word("there.", 2.0, 2.6, 1.0),
]
MISSING = slice(30, 40)


def film(path: Path, frames=FRAMES, fps=FPS, later=0) -> Path:
    """Write a video of `frames` numbered pictures; the first is shown `later` frames after 0."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libvpx" if path.suffix == ".webm" else "libx264", rate=fps)
        stream.width, stream.height, stream.pix_fmt = BITS * BAR, 96, "yuv420p"
        stream.options = {"g": "12", "crf": "20"}
        for k in range(frames):
            bits = (k >> np.arange(BITS)) & 1
            row = np.repeat(bits * 255, BAR).astype(np.uint8)
            picture = np.broadcast_to(row[None, :, None], (96, BITS * BAR, 3))
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = k + later, Fraction(1, fps)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def shows(page, *numbers: int) -> bool:
    """Whether the video comes to show one of these numbers, which it does a while after a seek."""
    video = page.locator("video")
    return eventually(page, lambda: _number(video.screenshot()) in numbers)


def _number(png: bytes) -> int | None:
    """The number in a screenshot of the video; None if its bars are not black and white."""
    picture = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_GRAYSCALE)
    row = picture[picture.shape[0] // 2]
    middles = (np.arange(BITS) + 0.5) / BITS * len(row)
    bars = row[middles.astype(int)]
    if not ((bars < 64) | (bars > 191)).all():
        return None
    return int(((bars > 127) << np.arange(BITS)).sum())


def view(folder: Path, name="anna", words=WORDS, record: Clip | None = None, **other) -> ClipView:
    """A view of a clip of 4 seconds; its features are written to `folder`."""
    record = record or clip(name, FRAMES, "validation", fps=FPS)
    random = np.random.default_rng(1)
    frames = record.frames
    seen = np.ones(frames, bool)
    seen[MISSING] = False
    crops = random.integers(0, 255, (seen.sum(), 48, 48, 3), dtype=np.uint8)
    faces, logmel = folder / "faces.h5", folder / "logmel.h5"
    folder.mkdir(parents=True, exist_ok=True)
    store.write(faces, crops, np.where(seen, seen.cumsum() - 1, -1))
    index = np.rint(np.arange(frames) * 100 / record.fps).astype(np.int32)
    rows = random.normal(-2, 1, (index[-1] + 96, 64)).astype(np.float32)
    store.write(logmel, rows, index)
    waves = {
        t: np.sin(np.arange(frames) / 9 + shift) for t, shift in (("valence", 0), ("arousal", 2))
    }
    given = {
        "clip": record,
        "ranges": {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)},
        "truth": {t: np.where(np.arange(frames) < 5, np.nan, wave) for t, wave in waves.items()},
        "folds": {
            t: [FoldSeries(k, k != 1, wave * 0.8 + 0.05 * k) for k in range(3)]
            for t, wave in waves.items()
        },
        "words": words,
        "faces": FeatureReader(faces, clip=record.name, frames=frames),
        "logmel": FeatureReader(logmel, clip=record.name, frames=frames, span=96),
        "attention": None,
        "video": f"{record.video}.mp4",
        "videos": "../../videos",
    }
    return ClipView(**{**given, **other})


def attention(
    target="valence", windows=((0, 40), (30, 70)), cells=20, seed=2, largest=1.0
) -> Attention:
    """Random matrices of two recursions for windows of a clip, of values up to `largest`."""
    values = np.random.default_rng(seed).uniform(-1, 1, (len(windows), 2, 3, cells, cells))
    values *= np.reshape(largest, (-1, 1, 1))
    modalities, given = ("visual", "audio", "text"), np.array(windows, np.int32)
    return Attention(
        target, 1, False, "rjcma", modalities, 2, 5, given.reshape(-1, 2), as_bytes(values)
    )


def write(root: Path, *views: ClipView) -> Path:
    """A site `root/report` with the pages of these views. -> the folder of the pages"""
    with site.building(root / "report", "Report") as made:
        for each in views:
            clip_page.write(made, each)
        made.page("index.html", "base.html", title="Front")
    return root / "report" / "clips"
