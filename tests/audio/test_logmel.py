from __future__ import annotations

import math
import wave
from fractions import Fraction

import numpy as np
import places
import pytest
from clips import clip
from hypothesis import given
from hypothesis import strategies as st

from rjcma import store
from rjcma.audio import logmel
from rjcma.audio.logmel_all import logmel_all
from rjcma.audio.windows import WINDOW_ROWS, first_rows
from rjcma.jobs.adoption import work_of
from rjcma.problem import Problem
from rjcma.wav import RATE, Wav

GOLDEN = np.load(places.GOLDEN / "logmel.npz")
RATES = {"25": 25, "30": 30, "29_97": 30000 / 1001, "23_976": 24000 / 1001, "7_5": 7.5}


def sound(path, pcm):
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(np.asarray(pcm, "<i2").tobytes())
    return path


def noise(samples, seed=5):
    return np.random.default_rng(seed).normal(0, 3000, samples).astype(np.int16)


def written(tmp_path, pcm, index):
    """What `write` stores for some samples: the rows, and the feature as training reads it."""
    wav = sound(tmp_path / "clip.wav", pcm)
    logmel.write(wav, index, "clip", False, tmp_path / "clip.h5")
    feature = store.FeatureReader(
        tmp_path / "clip.h5", clip="clip", frames=len(index), span=WINDOW_ROWS
    )
    return feature.rows[...], feature


@pytest.mark.parametrize("rate", RATES)
def test_windows_agree_with_the_released_front_end(tmp_path, rate):
    frames, expected = GOLDEN[f"frames_{rate}"], GOLDEN[f"logmel_{rate}"]
    index = first_rows(int(frames.max()) + 1, RATES[rate])
    _, feature = written(tmp_path, GOLDEN["pcm"], index)
    np.testing.assert_allclose(feature.take(frames), expected, rtol=0, atol=1e-4)


@pytest.mark.parametrize("rate", RATES)
def test_the_second_that_is_appended_gives_windows_to_as_many_frames(rate):
    rows = logmel.row_count(len(GOLDEN["pcm"]) + logmel.HELD)
    starts = first_rows(1000, RATES[rate])
    assert (starts + WINDOW_ROWS <= rows).sum() == GOLDEN[f"count_{rate}"]


@given(st.integers(1, 3000), st.integers(1, 120), st.sampled_from([1, 1000 / 1001, 0.8, 2 / 3]))
def test_a_frames_row_is_its_time_in_hundredths_by_pythons_rounding(frames, rate, factor):
    fps = rate * factor
    expected = [round(k * 100 / fps) for k in range(frames)]
    assert first_rows(frames, fps).tolist() == expected


def test_a_time_between_two_rows_goes_to_the_even_one():
    # At 8 frames a second frame 1 is at 12.5 rows and frame 3 at 37.5.
    assert first_rows(5, 8).tolist() == [0, 12, 25, 38, 50]


def test_irregular_frames_are_placed_by_their_times_and_those_beyond_follow_on():
    index = first_rows(5, 10, presented=(0.0, 0.13, 0.501))
    assert index.tolist() == [0, 13, 50, 60, 70]
    assert index.dtype == np.int32


def test_nothing_drifts_in_three_hours_at_30_000_by_1001_frames_a_second():
    fps, last = Fraction(30000, 1001), 323_676
    row = first_rows(last + 1, float(fps))[last]
    assert abs(row - last * 100 / fps) <= Fraction(1, 2)


def mel(hz):
    return 1127 * math.log(1 + hz / 700)


def one_row(pcm):
    """A row by the formulas: discrete Fourier transform, triangles on the mel scale."""
    x = np.asarray(pcm[:400], float) / 32768
    x *= [0.5 - 0.5 * math.cos(2 * math.pi * n / 400) for n in range(400)]
    turns = np.outer(np.arange(257), np.arange(400)) / 512
    magnitudes = np.abs(np.exp(-2j * np.pi * turns) @ x)
    edges = np.linspace(mel(125), mel(7500), 66)
    row = []
    for left, middle, right in zip(edges, edges[1:], edges[2:]):
        at = np.array([mel(31.25 * k) for k in range(257)])
        weights = np.minimum((at - left) / (middle - left), (right - at) / (right - middle))
        row.append(math.log(np.maximum(weights, 0) @ magnitudes + 0.01))
    return row


def test_a_row_follows_from_the_formulas():
    pcm = noise(400 + 160 * 2)
    rows = logmel.rows(pcm)
    assert rows.shape == (3, 64)
    for k in range(3):
        np.testing.assert_allclose(rows[k], one_row(pcm[160 * k :]), rtol=0, atol=2e-5)


@pytest.mark.parametrize("piece", [1, 7, 113, 408])
def test_rows_do_not_depend_on_the_pieces_they_are_computed_in(tmp_path, monkeypatch, piece):
    pcm = GOLDEN["pcm"]
    whole = logmel.rows(np.concatenate([pcm, np.full(RATE, pcm[-1])]))
    monkeypatch.setattr(logmel, "PIECE", piece)
    rows, _ = written(tmp_path, pcm, np.zeros(2, np.int32))
    assert rows.shape == whole.shape
    np.testing.assert_allclose(rows, whole, rtol=0, atol=1e-6)


def test_a_long_sound_is_read_once_and_a_piece_at_a_time(tmp_path, monkeypatch):
    monkeypatch.setattr(logmel, "PIECE", 50)
    reads, read = [], Wav.read
    monkeypatch.setattr(Wav, "read", lambda wav, a, b: reads.append(b - a) or read(wav, a, b))
    pcm = noise(20 * RATE)
    written(tmp_path, pcm, first_rows(500, 25))
    assert max(reads) <= 50 * logmel.HOP + logmel.WINDOW
    assert sum(reads) < 1.1 * (len(pcm) + RATE)


def test_an_annotation_longer_than_its_video_sees_the_last_sample_held(tmp_path):
    pcm = noise(2 * RATE)
    index = first_rows(131, 25)
    rows, feature = written(tmp_path, pcm, index)
    assert len(rows) == index[-1] + 96 == 616
    longer = logmel.rows(np.concatenate([pcm, np.full(6 * RATE, pcm[-1])]))
    np.testing.assert_allclose(feature.read(130, 131)[0], longer[520:616], atol=1e-6)


def test_rows_cover_all_of_the_sound_and_a_second_more(tmp_path):
    rows, _ = written(tmp_path, noise(2 * RATE + 3), first_rows(5, 25))
    assert len(rows) == (3 * RATE + 3 - 400) // 160 + 1


@pytest.mark.parametrize("samples", [0, 1, 399, 3 * RATE])
def test_silence_is_the_logarithm_of_the_offset(tmp_path, samples):
    rows, feature = written(tmp_path, np.zeros(samples), first_rows(53, 25))
    assert feature.read(0, 53).shape == (53, 96, 64)
    np.testing.assert_allclose(rows, math.log(0.01), atol=1e-6)


def test_every_run_writes_the_same_bytes(tmp_path):
    contents = []
    for _ in range(2):
        written(tmp_path, GOLDEN["pcm"], first_rows(79, 25))
        contents.append((tmp_path / "clip.h5").read_bytes())
    assert contents[0] == contents[1]


def test_a_job_changes_with_the_sound_and_with_the_frames(tmp_path):
    sounds = {"first": [1, 2, 3], "same": [1, 2, 3], "louder": [1, 2, 4], "longer": [1, 2, 3]}
    sounds |= {"slower": [1, 2, 3], "uneven": [1, 2, 3]}
    for name, pcm in sounds.items():
        sound(tmp_path / f"{name}.wav", pcm)
    frames = {name: {"frames": 7, "fps": 25.0} for name in [*sounds, "missing"]}
    frames["longer"]["frames"] = 8
    frames["slower"]["fps"] = 24.0
    frames["uneven"]["times"] = (0.0, 0.1, 0.2)
    clips = [clip("clip", video=name, **each) for name, each in frames.items()]
    works = [work_of(logmel_all, [one], tmp_path, tmp_path / "out") for one in clips]
    digests = {c.video: tuple(w.jobs[0].digests.values()) for c, w in zip(clips, works)}
    assert digests["first"] == digests.pop("same")
    assert len(set(digests.values())) == len(digests) == 6


def refused(path):
    with pytest.raises(Problem) as caught:
        logmel.write(path, first_rows(7, 25), "the_clip", False, path.with_suffix(".h5"))
    assert (caught.value.clip, caught.value.file) == ("the_clip", str(path))
    return caught.value.found


def test_a_missing_sound_is_a_problem(tmp_path):
    assert refused(tmp_path / "none.wav") == "no such file"


@pytest.mark.parametrize("content", [b"", b"RIFF", b"no sound at all, but text " * 9])
def test_what_is_no_wav_is_a_problem(tmp_path, content):
    (tmp_path / "a.wav").write_bytes(content)
    assert refused(tmp_path / "a.wav")


def test_a_wav_of_another_format_is_a_problem(tmp_path):
    with wave.open(str(tmp_path / "a.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", "not compressed"))
        file.writeframes(bytes(4 * 441))
    assert refused(tmp_path / "a.wav") == "44100 Hz, 2 channels, 16 bits"


def test_a_wav_that_is_cut_off_is_a_problem(tmp_path):
    path = sound(tmp_path / "a.wav", noise(RATE))
    path.write_bytes(path.read_bytes()[: 44 + 2 * 1234])
    assert refused(path) == "an end after 1234 samples"
