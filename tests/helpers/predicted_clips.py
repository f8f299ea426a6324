"""Short videos with sound, and predictions for them, for tests of what is drawn and written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from rjcma.manifest import Clip
from rjcma.predict.result import Predicted
from rjcma.speech.words import Word

TARGETS = {"valence": (-1.0, 1.0), "arousal": (-1.0, 1.0)}
GREY = 90
RATE_HZ = 44100


def video(
    path: Path,
    pictures: Iterable[np.ndarray],
    times: Sequence[float],
    sound: np.ndarray | None = None,
    *,
    rate_hz: int = RATE_HZ,
    begin: float = 0.0,
    codec: str = "libx264",
) -> Path:
    """Write RGB pictures at their times, and sound (channels, n) that begins at `begin` seconds."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30)
        stream.codec_context.time_base = Fraction(1, 1000)
        voice = None
        if sound is not None:
            layout = {1: "mono", 2: "stereo"}[len(sound)]
            voice = container.add_stream("pcm_s16le", rate=rate_hz, layout=layout)
        for k, (time, picture) in enumerate(zip(times, pictures, strict=True)):
            if k == 0:
                stream.height, stream.width = picture.shape[:2]
                stream.pix_fmt, stream.options = "yuv420p", {"crf": "8", "preset": "ultrafast"}
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")
            frame.pts, frame.time_base = round(time * 1000), Fraction(1, 1000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
        if voice is not None and sound is not None:
            samples = np.round(sound.T.reshape(1, -1) * 32767).astype(np.int16)
            frame = av.AudioFrame.from_ndarray(samples, format="s16", layout=layout)
            frame.sample_rate, frame.pts = rate_hz, round(begin * rate_hz)
            frame.time_base = Fraction(1, rate_hz)
            container.mux(voice.encode(frame))
            container.mux(voice.encode(None))
    return path


def clip(name: str = "film", frames: int = 20, fps: float = 10.0, **other) -> Clip:
    """A clip of so many frames."""
    known = {"times": None, "sound": True, "decoded": frames, "file": f"{name}.mkv"}
    known |= {"video_digest": "", **other}
    return Clip(
        name=name,
        video=name,
        partition="test",
        fps=fps,
        frames=frames,
        faces=None,
        faces_digest="",
        **known,
    )


def predicted(
    video: Path,
    of: Clip,
    values: Mapping[str, Sequence[Sequence[float]]] | None = None,
    *,
    words: Sequence[Word] = (),
    boxes: np.ndarray | None = None,
    ranges: Mapping[str, tuple[float, float]] = TARGETS,
) -> Predicted:
    """A prediction: by target, each fold's values; by default waves, two folds apart."""
    if values is None:
        wave = np.sin(np.arange(of.frames) / 5)
        values = {name: [0.5 * wave + 0.1, 0.5 * wave - 0.1] for name in ranges}
    folds = {name: np.asarray(each, np.float32) for name, each in values.items()}
    return Predicted(of, video, ranges, folds, words, boxes)


def decoded(path: Path) -> tuple[list[np.ndarray], list[float]]:
    """The pictures of a film, RGB, and their times."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    return [frame.to_ndarray(format="rgb24") for frame in frames], [f.time for f in frames]


def heard(path: Path) -> tuple[np.ndarray, int, float]:
    """The sound of a film, (channels, n), its rate, and the time of its first sample."""
    with av.open(str(path)) as container:
        frames = list(container.decode(audio=0))
    return (
        np.concatenate([frame.to_ndarray() for frame in frames], axis=1),
        frames[0].sample_rate,
        frames[0].time,
    )
