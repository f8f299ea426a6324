"""Windows on their way to the network: values, views, standardisation."""

from __future__ import annotations

import pickle

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from hypothesis import given
from hypothesis import strategies as st

from rjcma import store
from rjcma.audio.logmel import WINDOW_ROWS
from rjcma.encoders.backbones import Standardised
from rjcma.encoders.compact_audio import WINDOW
from rjcma.problem import Problem
from rjcma.store import FeatureReader
from rjcma.training.batches import ClipWindow, batch, frame_moments, gather
from rjcma.training.clip_data import ClipData, open_all
from rjcma.training.epoch_windows import drawn
from rjcma.training.windows import Window, Windows
from rjcma.vision import augmentation as views


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture
def sources(root):
    features = {"visual": "faces", "audio": "logmel", "text": "text"}
    folders = tiny_corpus.folders(root, "finetune")
    clips = [tiny_corpus.clip(n, tiny_corpus.FRAMES[n]) for n in ("anna", "bert", "cleo")]
    return open_all(clips, folders, features, root / "labels", "valence")


def test_a_batch_holds_the_values_that_the_store_reads(sources):
    pieces = [ClipWindow(sources[0], Window(3, 14)), ClipWindow(sources[1], Window(0, 7))]
    together = batch(pieces, frames=11)
    values = together.values()
    assert together.valid.sum(1).tolist() == [11, 7]
    for m in ("audio", "text"):
        read = [source.tracks[m].read(*window) for source, window in pieces]
        np.testing.assert_array_equal(values[m].numpy(), np.concatenate(read))
    crops = np.concatenate([source.tracks["visual"].read(*window) for source, window in pieces])
    centre = (crops[:, 4:44, 4:44].transpose(0, 3, 1, 2) / 255 - 0.5) / 0.5
    np.testing.assert_allclose(values["visual"].numpy(), centre, atol=1e-6)


def test_labels_of_a_batch_are_missing_where_unlabelled_and_where_padded(sources):
    pieces = [ClipWindow(sources[0], Window(3, 14)), ClipWindow(sources[1], Window(0, 7))]
    missing = batch(pieces, frames=11).truth.isnan()
    assert missing.tolist() == [[True] * 2 + [False] * 9, [False] * 7 + [True] * 4]


def test_a_batch_travels_to_another_process_as_one_tensor(sources):
    faceless = [ClipWindow(sources[1], Window(0, 7))]
    for pieces in ([ClipWindow(sources[0], Window(3, 14)), *faceless], faceless):
        sent = batch(pieces, frames=11)
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


def test_rows_that_frames_share_travel_once(sources):
    carried = batch([ClipWindow(sources[0], Window(3, 14))], 11).rows["audio"]
    assert len(carried) == 10 * 3 + WINDOW_ROWS


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
    """Clips of random frames, rows and index, some without a row, and windows into them."""
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
    """By clip, every row from the first to the last that some window needs."""
    needed = set()
    for number, start, stop in windows:
        index = [int(n) for n in clips[number][1][start:stop] if n >= 0]
        needed |= (
            {(number, row) for row in range(min(index), max(index) + span)} if index else set()
        )
    return needed


@given(corpora())
def test_any_windows_get_their_values_and_no_row_travels_twice(tmp_path_factory, corpus):
    span, clips, windows = corpus
    folder, sources = tmp_path_factory.mktemp("corpus"), []
    for number, (rows, index) in enumerate(clips):
        store.write(folder / f"{number}.h5", rows, index)
        track = FeatureReader(
            folder / f"{number}.h5", clip=str(number), frames=len(index), span=span
        )
        clip = tiny_corpus.clip(str(number), len(index))
        sources.append(ClipData(clip, {"m": track}, np.zeros(len(index), np.float32)))
    together = batch([ClipWindow(sources[n], Window(a, b)) for n, a, b in windows], frames=17)
    expected = [sources[n].tracks["m"].read(a, b) for n, a, b in windows]
    np.testing.assert_array_equal(together.values()["m"].numpy(), np.concatenate(expected))
    assert len(together.rows["m"]) == len(rows_needed(span, clips, windows))


def test_the_audio_encoder_sees_the_windows_that_logmel_stores():
    assert WINDOW[0] == WINDOW_ROWS


def test_a_window_is_cut_and_flipped_by_one_draw_for_all_its_frames():
    face = np.random.default_rng(0).integers(0, 256, (48, 48, 3), dtype=np.uint8)
    crops = torch.from_numpy(np.stack([face] * 5))
    generator = np.random.default_rng(1)
    looks = set()
    for _ in range(200):
        first, second = views.faces(crops, [2, 3], views.drawn(2, generator)).split([2, 3])
        assert (first == first[0]).all() and (second == second[0]).all()
        looks |= {first[0].numpy().tobytes(), second[0].numpy().tobytes()}
    possible = {
        views.faces(torch.from_numpy(np.ascontiguousarray(cut[None])), [1])[0].numpy().tobytes()
        for top in range(9)
        for left in range(9)
        for cut in [face[top : top + 40, left : left + 40]]
        for cut in [cut, cut[:, ::-1]]
    }
    assert looks <= possible and len(looks) > 100


def one_by_one(crops, lengths, draws):
    """The views of faces, one window after another."""
    room, seen = crops.shape[1] - 40, []
    for window, (top, left, flip) in zip(crops.split(lengths), draws, strict=True):
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
        draws = views.drawn(len(lengths), np.random.default_rng(seed))
        assert torch.equal(views.faces(crops, lengths, draws), one_by_one(crops, lengths, draws))


def test_every_value_of_a_pixel_is_scaled_to_the_last_bit():
    values = torch.arange(256, dtype=torch.uint8).view(-1, 1, 1, 1).expand(256, 40, 40, 3)
    expected = (values[:, 0, 0, 0].float() / 255 - 0.5) / 0.5
    assert torch.equal(views.faces(values, [256])[:, 1, 2, 3], expected)


def test_a_black_frame_is_black_to_the_network():
    assert (views.faces(torch.zeros(1, 48, 48, 3, dtype=torch.uint8), [1]) == -1).all()


def written(folder, name, rows, index=None):
    store.write(folder / name, np.asarray(rows, np.float32), index)
    frames = len(rows) if index is None else len(index)
    return FeatureReader(folder / name, clip=name, frames=frames)


def test_moments_are_those_of_the_frames_that_have_a_value(tmp_path):
    words = np.random.default_rng(0).normal(5, 3, (7, 3))
    words[:, 1] = 2
    index = np.array([0, 0, 0, -1, 6, 6, 2, -1])
    tracks = [written(tmp_path, "a", words, index), written(tmp_path, "b", words + 1)]
    mean, deviation = frame_moments(tracks)
    spoken = np.concatenate([words[index[index >= 0]], words + 1])
    np.testing.assert_allclose(mean, spoken.mean(0), rtol=1e-6)
    np.testing.assert_allclose(deviation, spoken.std(0), rtol=1e-5)


def test_a_feature_that_no_frame_has_is_left_as_it_is(tmp_path):
    track = written(tmp_path, "silent", np.zeros((0, 3)), np.full(5, -1))
    mean, deviation = frame_moments([track])
    assert mean.tolist() == [0, 0, 0] and deviation.tolist() == [1, 1, 1]


def test_silence_stays_zeros_when_words_are_standardised():
    encoder = Standardised(torch.tensor([1.0, 2.0]), torch.tensor([2.0, 4.0]))
    vectors = torch.tensor([[3.0, 0.0], [0.0, 0.0]])
    assert encoder(vectors).tolist() == [[1.0, -0.5], [0.0, 0.0]]


def labelled_at(frames, labelled):
    truth = np.full(frames, np.nan, np.float32)
    truth[list(labelled)] = 0.5
    return ClipData(tiny_corpus.clip(f"of{frames}", frames), {}, truth)


@pytest.mark.parametrize("offsets", ["fixed", "random"])
def test_windows_without_a_label_are_left_out_and_counted(offsets):
    some, none = labelled_at(23, range(23)), labelled_at(29, [])
    windows = Windows(frames=11, stride=7, offsets=offsets)
    pieces, left_out = drawn([some, none], windows, np.random.default_rng(0))
    assert {piece.source.clip.name for piece in pieces} == {"of23"}
    assert (len(pieces), left_out) == (3, 4)


def test_a_few_labels_are_found_wherever_random_windows_fall():
    few = labelled_at(97, [92, 93])
    windows = Windows(frames=5, stride=90, offsets="random")
    for seed in range(20):
        pieces, _ = drawn([few], windows, np.random.default_rng(seed))
        assert pieces and all(92 in range(*p.window) and 93 in range(*p.window) for p in pieces)


def test_a_window_of_one_label_is_left_out_since_there_is_no_ccc_of_one():
    windows = Windows(frames=11, stride=7)
    pieces, left_out = drawn([labelled_at(29, [3, 4, 20])], windows, np.random.default_rng(0))
    assert [tuple(piece.window) for piece in pieces] == [(0, 11)] and left_out == 3


def test_a_feature_of_another_clip_is_found_before_training(root, tmp_path):
    clip = tiny_corpus.clip("anna", 31)
    store.write(tmp_path / "anna.h5", np.zeros((30, 3), np.float32))
    with pytest.raises(Problem, match=r"clip anna: .* found 30 frames; expected the clip's 31"):
        open_all([clip], {"text": tmp_path}, {"text": "text"}, root / "labels", "valence")


def test_opening_a_corpus_leaves_few_of_its_files_open(root, monkeypatch):
    monkeypatch.setattr(store, "OPEN_FILES", 5)
    clips = [tiny_corpus.clip(*item) for item in tiny_corpus.FRAMES.items() if item[0] != "fred"]
    names = {"visual": "faces", "audio": "logmel", "text": "text"}
    folders = tiny_corpus.folders(root, "finetune")
    some = open_all(clips, folders, names, root / "labels", "valence")
    tracks = [track for source in some for track in source.tracks.values()]
    held = h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_DATASET)
    files = {h5py.Dataset(one).file.filename for one in held}
    assert len(tracks) == 15
    assert 0 < len([track for track in tracks if str(track.path) in files]) <= 5


@pytest.mark.parametrize(
    ("feature", "shape", "expected"),
    [
        ("faces", (31, 32, 32, 3), "crops of at least 40 pixels"),
        ("faces", (31, 64), "crops of at least 40 pixels"),
        ("logmel", (200, 40), r"windows of \(96, 64\)"),
        ("audio", (31, 5, 7), "a vector"),
    ],
)
def test_values_of_another_kind_are_refused(feature, shape, expected, root, tmp_path):
    store.write(tmp_path / "anna.h5", np.zeros(shape, np.uint8), np.zeros(31))
    clip = tiny_corpus.clip("anna", 31)
    with pytest.raises(
        Problem, match=f"clip anna: .*found values of shape .*; expected {expected}"
    ):
        open_all([clip], {"m": tmp_path}, {"m": feature}, root / "labels", "valence")


def test_vectors_that_are_not_all_of_one_width_are_refused(root, tmp_path):
    clips = [tiny_corpus.clip(name, tiny_corpus.FRAMES[name]) for name in ("anna", "bert")]
    for clip, width in zip(clips, (5, 3), strict=True):
        store.write(tmp_path / f"{clip.name}.h5", np.zeros((clip.frames, width), np.float32))
    with pytest.raises(
        Problem, match=r"clip bert: .*\(3,\); expected a vector as clip anna's, \(5,\)"
    ):
        open_all(clips, {"text": tmp_path}, {"text": "text"}, root / "labels", "valence")
