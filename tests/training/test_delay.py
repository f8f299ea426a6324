"""The delay of annotations: labels are taken later, predictions are shifted back."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_corpus
from clips import clip
from hypothesis import given
from hypothesis import strategies as st

from rjcma import manifest, store
from rjcma.corpus import labels
from rjcma.scoring import metrics, runs
from rjcma.store import FeatureReader
from rjcma.training import delay
from rjcma.training.clip_data import ClipData
from rjcma.training.saved import load_run
from rjcma.training.settings import Training

NAN = np.nan
KINDS = {"visual": (12, 12, 3), "audio": (64,), "text": (80,)}


def data(values, fps=10.0, first=0) -> ClipData:
    values = np.asarray(values, np.float32)
    return ClipData(clip("anna", len(values), fps=fps, first=first), {}, values)


def test_the_label_of_a_frame_is_the_one_given_later():
    found = delay.earlier(data([0, 1, 2, 3, 4]), 0.2).labels
    np.testing.assert_array_equal(found, np.float32([2, 3, 4, NAN, NAN]))


def test_a_delay_between_frames_is_interpolated_and_unlabelled_frames_stay_unlabelled():
    found = delay.earlier(data([0, 1, NAN, 3, 4]), 0.05).labels
    np.testing.assert_allclose(found, [0.5, NAN, NAN, 3.5, NAN])


def test_a_stretch_of_a_video_is_shifted_like_a_whole_one():
    whole, stretch = data(range(9)), data(range(9), first=33)
    for seconds in (0.0, 0.1, 0.37):
        for shift in (
            lambda one: delay.earlier(one, seconds).labels,  # noqa: B023
            lambda one: delay.later(one.labels, one.clip.frame_times(), seconds),  # noqa: B023
        ):
            np.testing.assert_allclose(shift(whole), shift(stretch), atol=1e-5)


@given(st.integers(0, 8), st.integers(10, 30))
def test_predictions_of_shifted_labels_shifted_back_are_the_labels(frames: int, length: int):
    given_labels = np.sin(np.arange(length)).astype(np.float32)
    one = data(given_labels, fps=8.0)
    shifted = delay.earlier(one, frames / 8)
    known = shifted.labels[~np.isnan(shifted.labels)]
    predictions = np.concatenate([known, np.full(length - len(known), 9, np.float32)])
    back = delay.later(predictions, one.clip.frame_times(), frames / 8)
    np.testing.assert_allclose(back[frames:], given_labels[frames:], atol=1e-6)
    assert (back[:frames] == known[0]).all()


def lagging(folder: Path, lag: float, clips=7, frames=700, fps=24.0, noise=0.5) -> list[ClipData]:
    """Clips whose features show a state, and whose labels follow it `lag` seconds later."""
    opened = []
    for number in range(clips):
        generator = np.random.default_rng(number)
        steps = generator.standard_normal(frames + 400)
        state = np.convolve(steps, np.hanning(45), "valid")[:frames]
        state /= np.abs(state).max()
        readers = {}
        for modality, shape in KINDS.items():
            pattern = generator.standard_normal(shape)
            pattern = np.abs(pattern) if modality == "visual" else np.ones(shape)
            rows = state.reshape(-1, *[1] * len(shape)) * pattern
            rows = rows + noise * generator.standard_normal((frames, *shape))
            path = folder / f"{modality}-{number}.h5"
            if modality == "visual":
                store.write(path, np.clip(rows * 30 + 120, 0, 255).astype(np.uint8))
            else:
                store.write(path, rows.astype(np.float32))
            name = f"clip{number}"
            readers[modality] = FeatureReader(path, clip=name, frames=frames)
        times = np.arange(frames) / fps
        given_labels = np.interp(times - lag, times, state, left=NAN).astype(np.float32)
        given_labels[50:60] = NAN
        opened.append(ClipData(clip(f"clip{number}", frames, fps=fps), readers, given_labels))
    return opened


@pytest.mark.parametrize("lag", [0.0, 1.4, 4.0])
def test_the_delay_that_was_put_in_is_found(tmp_path, lag):
    found = delay.best(lagging(tmp_path, lag))
    assert found.seconds == pytest.approx(lag, abs=0.2)
    assert found.correlation > 0.8
    assert found.without == pytest.approx(found.correlation) if not lag else found.without < 0.7


def test_the_best_delay_of_one_group_or_of_constant_labels_is_none(tmp_path):
    clips = lagging(tmp_path, 1.0, clips=3)
    assert delay.best(clips[:1]).seconds == 0
    still = [ClipData(c.clip, c.readers, np.full(c.clip.frames, 0.5, np.float32)) for c in clips]
    assert delay.best(still).seconds == 0


def test_a_delay_is_given_for_all_targets_or_by_target():
    by_target = Training(delay={"arousal": 2.5})
    assert delay.delay_of(by_target, "arousal", []).seconds == 2.5
    assert delay.delay_of(by_target, "valence", []).seconds == 0
    assert delay.delay_of(Training(delay=1), "valence", []).seconds == 1


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.mark.parametrize("asked", [0.1, "best"])
def test_a_run_says_its_delay_and_is_scored_on_labels_as_they_were_given(root, tmp_path, asked):
    run = tiny_corpus.run(tiny_corpus.settings(delay=asked))
    out = tiny_corpus.trained(root, tmp_path / "run", run)
    clips = manifest.read(root / "clips.jsonl")
    read = runs.read_run(out, "valence", 0, clips)
    saved = load_run(out)
    assert read.delay == json.loads((out / "run.json").read_text()).get("delay", 0.0)
    assert saved.metadata.get("delay", 0.0) == read.delay
    assert read.delay == 0.1 or asked == "best"
    truth = {c.name: labels.of_target(root / "labels", c, "valence") for c in clips}
    score = metrics.score_run(read, truth)
    assert score.delay == read.delay
    notes = metrics.notes({"valence": {0: score}})
    said = any(f"lag by {read.delay:g} s, scored on those given" in note for note in notes)
    assert said == bool(read.delay)
    with h5py.File(out / "predictions.h5") as file:
        stored = {name: file[name][...] for name in file}
    again = saved.predict(clips, tiny_corpus.folders(root, "precompute"), "cpu")
    for name, values in stored.items():
        np.testing.assert_array_equal(values, again[name])


def test_a_run_without_a_delay_says_nothing_of_it(root, tmp_path):
    run = tiny_corpus.run(tiny_corpus.settings(delay={"arousal": 2.0}))
    out = tiny_corpus.trained(root, tmp_path / "run", run)
    assert "delay" not in json.loads((out / "run.json").read_text())
