"""Batches of windows: their values, augmentation and standardisation."""

from __future__ import annotations

import pickle
import wave

import numpy as np
import pytest
import tiny_corpus
import torch
from clips import clip
from hypothesis import given
from hypothesis import strategies as st

from rjcma import store
from rjcma.audio import logmel
from rjcma.encoders.compact_audio import CompactAudio
from rjcma.encoders.inputs import reader
from rjcma.encoders.standardised import Standardised
from rjcma.encoders.vggish import VGGish
from rjcma.gather import gather
from rjcma.store import FeatureReader
from rjcma.training.batches import batch, frame_moments
from rjcma.training.clip_data import ClipData
from rjcma.training.epoch_windows import epoch_windows
from rjcma.training.windows import ClipWindow, Windows
from rjcma.vision.augmentation import augmentations, augmented, centred


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture
def clips(root) -> dict[str, ClipData]:
    """Three clips' data by name."""
    opened = tiny_corpus.opened(root, ("anna", "bert", "cleo"))
    return {data.clip.name: data for data in opened}


PADDED = [ClipWindow("anna", 3, 14), ClipWindow("bert", 0, 7)]
"""A full window of one clip, and a whole clip that is shorter than a window."""


def test_a_batch_holds_the_values_that_the_store_reads(clips):
    together = batch(PADDED, clips, frames=11)
    values = together.values(crop_size=40)
    assert together.valid.sum(1).tolist() == [11, 7]
    for m in ("audio", "text"):
        read = [clips[name].readers[m].read(*window) for name, *window in PADDED]
        np.testing.assert_array_equal(values[m].numpy(), np.concatenate(read))
    crops = [clips[name].readers["visual"].read(*window) for name, *window in PADDED]
    crops = np.concatenate(crops)
    centre = (crops[:, 4:44, 4:44].transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(values["visual"].numpy(), centre, atol=1e-6)


def test_labels_of_a_batch_are_missing_where_unlabelled_and_where_padded(clips):
    missing = batch(PADDED, clips, frames=11).truth.isnan()
    assert missing.tolist() == [[True] * 2 + [False] * 9, [False] * 7 + [True] * 4]


def test_a_batch_is_sent_to_another_process_as_one_tensor(clips):
    faceless = [ClipWindow("bert", 0, 7)]
    for windows in (PADDED, faceless):
        sent = batch(windows, clips, frames=11)
        again = pickle.loads(pickle.dumps(sent))
        assert (list(again.rows), again.spans, again.lengths) == (
            list(sent.rows),
            sent.spans,
            sent.lengths,
        )
        for one, other in zip(again.tensors(), sent.tensors(), strict=True):
            assert one.dtype == other.dtype and one.shape == other.shape
            assert torch.equal(one.nan_to_num(7), other.nan_to_num(7))
        assert len({tensor.untyped_storage().data_ptr() for tensor in again.tensors()}) == 1


def test_rows_that_frames_share_are_sent_once(clips):
    rows = batch([ClipWindow("anna", 3, 14)], clips, 11).rows["audio"]
    assert len(rows) == 10 * 3 + 96


@pytest.mark.parametrize("span", [1, 3])
def test_gathering_on_a_device_is_the_stores_gathering(span):
    rows = np.random.default_rng(0).normal(size=(13, 5)).astype(np.float32)
    index = np.array([0, -1, 7, 7, 10])
    expected = store.gather(rows, index, span=span)
    result = gather(torch.from_numpy(rows), torch.from_numpy(index), span)
    np.testing.assert_array_equal(result.numpy(), expected)
    nothing = gather(torch.zeros(0, 5), torch.full((3,), -1), span)
    assert nothing.shape == (3, *expected.shape[1:]) and not nothing.any()


@st.composite
def corpora(draw):
    """Clips with random frames, rows and index, some without rows; and windows of these clips."""
    span, rng = draw(st.sampled_from([1, 3])), np.random.default_rng(draw(st.integers(0, 999)))
    clips = []
    for frames in draw(st.lists(st.integers(1, 17), min_size=1, max_size=3)):
        count = draw(st.sampled_from([0, span, 5, 29]))
        index = rng.integers(-1, max(count - span + 1, 0), frames)
        rows = rng.normal(size=(count, 2)).astype(np.float32)
        clips.append((rows, index if draw(st.booleans()) else np.sort(index)))
    windows = []
    for _ in range(draw(st.integers(1, 7))):
        number = draw(st.integers(0, len(clips) - 1))
        start = draw(st.integers(0, len(clips[number][1]) - 1))
        windows.append((number, start, draw(st.integers(start + 1, len(clips[number][1])))))
    return span, clips, windows


def rows_needed(span, clips, windows):
    """Every (clip, row) from the first to the last row that a window needs."""
    needed = set()
    for number, start, stop in windows:
        index = [int(n) for n in clips[number][1][start:stop] if n >= 0]
        needed |= (
            {(number, row) for row in range(min(index), max(index) + span)} if index else set()
        )
    return needed


@given(corpora())
def test_any_windows_get_their_values_and_no_row_is_sent_twice(tmp_path_factory, corpus):
    span, stored, windows = corpus
    folder, clips = tmp_path_factory.mktemp("corpus"), {}
    for number, (rows, index) in enumerate(stored):
        name, frames = str(number), len(index)
        store.write(folder / f"{name}.h5", rows, index)
        values = FeatureReader(folder / f"{name}.h5", clip=name, frames=frames, span=span)
        labels = np.zeros(frames, np.float32)
        clips[name] = ClipData(clip(name, frames), {"m": values}, labels)
    cut = [ClipWindow(str(number), start, stop) for number, start, stop in windows]
    together = batch(cut, clips, frames=17)
    expected = [clips[name].readers["m"].read(start, stop) for name, start, stop in cut]
    values = together.values(crop_size=None)["m"]
    np.testing.assert_array_equal(values.numpy(), np.concatenate(expected))
    assert len(together.rows["m"]) == len(rows_needed(span, stored, windows))


@pytest.mark.parametrize("encoder", [CompactAudio, VGGish])
def test_the_audio_encoders_see_the_windows_that_logmel_stores(encoder, tmp_path):
    with wave.open(str(tmp_path / "anna.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", "not compressed"))
        file.writeframes(bytes(2 * 16000))
    index = np.arange(7, dtype=np.int32)
    logmel.write(tmp_path / "anna.wav", index, "anna", False, tmp_path / "anna.h5")
    assert reader(tmp_path, clip("anna", 7), "audio").value_shape == encoder.input_shape


def test_a_window_is_cut_and_flipped_by_one_draw_for_all_its_frames():
    face = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    crops = torch.from_numpy(np.stack([face] * 5))
    generator = np.random.default_rng(1)
    faces_seen = set()
    for _ in range(200):
        seen = augmented(crops, [2, 3], augmentations(2, generator), 40)
        first, second = seen.split([2, 3])
        assert (first == first[0]).all() and (second == second[0]).all()
        faces_seen |= {first[0].numpy().tobytes(), second[0].numpy().tobytes()}
    possible = {
        centred(torch.from_numpy(np.ascontiguousarray(cut[None])), 40)[0].numpy().tobytes()
        for top in range(9)
        for left in range(9)
        for cut in [face[top : top + 40, left : left + 40]]
        for cut in [cut, cut[:, ::-1]]
    }
    assert faces_seen <= possible and len(faces_seen) > 100


def one_by_one(crops, lengths, augmentation):
    """Augmented faces, computed one window after another."""
    room, seen = crops.shape[1] - 40, []
    for window, (top, left, flip) in zip(crops.split(lengths), augmentation, strict=True):
        top, left = int(top * (room + 1)), int(left * (room + 1))
        cut = window[:, top : top + 40, left : left + 40]
        seen.append(cut.flip(2) if flip >= 0.5 else cut)
    scaled = torch.cat(seen).permute(0, 3, 1, 2).float() / 255
    return (scaled - 0.5) / 0.5


@pytest.mark.parametrize("size", [40, 41, 48, 53])
@pytest.mark.parametrize("lengths", [[1], [2, 3, 5, 7], [11] * 3])
def test_all_windows_at_once_are_cut_as_one_after_another(size, lengths):
    crops = torch.from_numpy(
        np.random.default_rng(0).integers(0, 256, (sum(lengths), size, size, 3), dtype=np.uint8)
    )
    for seed in range(5):
        augmentation = augmentations(len(lengths), np.random.default_rng(seed))
        expected = one_by_one(crops, lengths, augmentation)
        assert torch.equal(augmented(crops, lengths, augmentation, 40), expected)


def test_every_value_of_a_pixel_is_scaled_to_the_last_bit():
    values = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(256, 40, 40, 3)
    expected = (values[:, 0, 0, 0].float() / 255 - 0.5) / 0.5
    assert torch.equal(centred(values, 40)[:, 1, 2, 3], expected)
    augmentation = augmentations(1, np.random.default_rng(0))
    assert torch.equal(augmented(values, [256], augmentation, 40)[:, 1, 2, 3], expected)


def test_a_black_frame_is_black_to_the_network():
    assert (centred(torch.zeros(1, 48, 48, 3, dtype=torch.uint8), 40) == -1).all()


def written(folder, name, rows, index=None):
    store.write(folder / name, np.asarray(rows, np.float32), index)
    frames = len(rows) if index is None else len(index)
    return FeatureReader(folder / name, clip=name, frames=frames)


def test_moments_are_those_of_the_frames_that_have_a_value(tmp_path):
    words = np.random.default_rng(0).normal(5, 3, (7, 3))
    words[:, 1] = 2
    index = np.array([0, 0, 0, -1, 6, 6, 2, -1])
    readers = [written(tmp_path, "a", words, index), written(tmp_path, "b", words + 1)]
    mean, std = frame_moments(readers)
    spoken = np.concatenate([words[index[index >= 0]], words + 1])
    np.testing.assert_allclose(mean, spoken.mean(0), rtol=1e-6)
    np.testing.assert_allclose(std, spoken.std(0), rtol=1e-5)


def test_a_feature_that_no_frame_has_is_left_as_it_is(tmp_path):
    silent = written(tmp_path, "silent", np.zeros((0, 3)), np.full(5, -1))
    mean, std = frame_moments([silent])
    assert mean.tolist() == [0, 0, 0] and std.tolist() == [1, 1, 1]


def test_silence_stays_zeros_when_words_are_standardised():
    encoder = Standardised(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
    vectors = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    assert encoder(vectors).tolist() == [[1.0, -0.5], [0.0, 0.0]]


def labelled_at(frames, labelled):
    truth = np.full(frames, np.nan, np.float32)
    truth[list(labelled)] = 0.5
    return ClipData(clip(f"of{frames}", frames), {}, truth)


@pytest.mark.parametrize("offsets", ["fixed", "random"])
def test_windows_without_a_label_are_left_out_and_counted(offsets):
    labelled, unlabelled = labelled_at(23, range(23)), labelled_at(29, [])
    windows = Windows(frames=11, stride=7, offsets=offsets)
    kept, left_out = epoch_windows([labelled, unlabelled], windows, np.random.default_rng(0))
    assert {window.clip for window in kept} == {"of23"}
    assert (len(kept), left_out) == (3, 4)


def test_a_few_labels_are_found_wherever_random_windows_fall():
    few = labelled_at(97, [92, 93])
    windows = Windows(frames=5, stride=90, offsets="random")
    for seed in range(20):
        kept, _ = epoch_windows([few], windows, np.random.default_rng(seed))
        assert kept and all(w.start <= 92 and w.stop > 93 for w in kept)


def test_a_window_of_one_label_is_left_out_since_there_is_no_ccc_of_one():
    windows = Windows(frames=11, stride=7)
    clips = [labelled_at(29, [3, 4, 20])]
    kept, left_out = epoch_windows(clips, windows, np.random.default_rng(0))
    assert kept == [ClipWindow("of29", 0, 11)] and left_out == 3
