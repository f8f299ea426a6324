"""Overlays of real videos: every frame, and the sound in step."""

from __future__ import annotations

import os
from pathlib import Path

import av
import numpy as np
import pytest
from predicted_clips import clip, predicted

from rjcma.corpus.video import probe
from rjcma.predict.overlay import overlay

pytestmark = pytest.mark.skipif(
    "RJCMA_SHARED" not in os.environ, reason="RJCMA_SHARED names no folder with corpus_real"
)
RATE_HZ = 8000


def sound(path: Path, seconds: float) -> np.ndarray:
    """The sound from the first frame on, mono."""
    resampler = av.AudioResampler("flt", "mono", RATE_HZ)
    with av.open(str(path)) as container:
        begin = next(container.decode(video=0)).time
    with av.open(str(path)) as container:
        frames = list(container.decode(container.streams.best("audio")))
    pieces = [made.to_ndarray()[0] for f in [*frames, None] for made in resampler.resample(f)]
    heard, whole = np.concatenate(pieces), np.zeros(round(seconds * RATE_HZ), np.float32)
    shift = round((frames[0].time - begin) * RATE_HZ)
    heard, shift = heard[max(0, -shift) :], max(0, shift)
    part = heard[: len(whole) - shift]
    whole[shift : shift + len(part)] = part
    return whole


@pytest.mark.parametrize("name", ["hamilton.mp4", "grid_bbaf2n.mpg"])
def test_an_overlay_has_all_frames_and_the_sound_in_step(tmp_path, name):
    video = Path(os.environ["RJCMA_SHARED"]) / "corpus_real" / "videos" / name
    found = probe(video)
    of = clip(video.stem, frames=found.decoded, fps=found.fps, times=found.times)
    overlay(predicted(video, of), tmp_path / "out.mp4")
    with av.open(str(tmp_path / "out.mp4")) as container:
        times = [frame.time for frame in container.decode(video=0)]
    assert times == pytest.approx(of.frame_times().tolist(), abs=1e-4)
    one, other = (sound(path, times[-1]) for path in (video, tmp_path / "out.mp4"))
    alike = np.fft.irfft(np.fft.rfft(one, 2 * len(one)) * np.conj(np.fft.rfft(other, 2 * len(one))))
    lag = int(np.argmax(alike))
    assert min(lag, len(alike) - lag) <= 2
    assert alike.max() > 0.98 * np.sqrt((one**2).sum() * (other**2).sum())
