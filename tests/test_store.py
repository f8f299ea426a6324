from __future__ import annotations

import pickle
import resource
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

import h5py
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from rjcma import store
from rjcma.problem import Problem


def windows(path, rows=23, frames=7, span=3, seed=0):
    """A feature of overlapping windows: rows (23, 5), some frames without a value."""
    rng = np.random.default_rng(seed)
    values = rng.normal(size=(rows, 5)).astype(np.float32)
    index = np.sort(rng.integers(-1, rows - span + 1, frames)).astype(np.int32)
    store.write(path, values, index)
    return values, index


def slow(values, index, span):
    return np.stack([values[i : i + span] if i >= 0 else np.zeros((span, 5)) for i in index])


def test_a_frame_is_the_rows_that_start_at_its_index(tmp_path):
    values, index = windows(tmp_path / "clip.h5")
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=7, span=3)
    assert np.array_equal(reader.read(0, 7), slow(values, index, 3))
    assert reader.read(2, 5).dtype == np.float32
    assert reader.value_shape == (3, 5)


@given(st.integers(0, 99), st.integers(0, 7), st.integers(0, 7))
def test_any_range_of_frames_equals_the_frames_one_by_one(tmp_path_factory, seed, a, b):
    path = tmp_path_factory.mktemp("store") / "clip.h5"
    values, index = windows(path, seed=seed)
    reader = store.FeatureReader(path, clip="clip", frames=7, span=3)
    start, stop = min(a, b), max(a, b)
    assert np.array_equal(reader.read(start, stop), slow(values, index, 3)[start:stop])
    assert reader.read(start, stop).shape == (stop - start, 3, 5)


def test_frames_can_be_taken_in_any_order(tmp_path):
    values, index = windows(tmp_path / "clip.h5")
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=7, span=3)
    assert np.array_equal(reader.take(np.array([5, 0, 5])), slow(values, index, 3)[[5, 0, 5]])
    assert reader.take(np.array([], int)).shape == (0, 3, 5)


def test_without_an_index_a_frame_is_its_row(tmp_path):
    rows = np.arange(11 * 2, dtype=np.float32).reshape(11, 2)
    store.write(tmp_path / "clip.h5", rows)
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=11)
    assert np.array_equal(reader.read(3, 7), rows[3:7])


def test_an_index_of_minus_one_is_zeros_even_where_there_are_no_rows(tmp_path):
    store.write(tmp_path / "clip.h5", np.zeros((0, 2, 3), np.uint8), np.full(5, -1))
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=5)
    assert reader.read(1, 4).shape == (3, 2, 3) and not reader.read(0, 5).any()


def test_only_the_rows_that_a_range_needs_are_read(tmp_path):
    store.write(tmp_path / "clip.h5", np.arange(13.0), np.array([0, 4, 5, 9]))
    rows, index = store.FeatureReader(tmp_path / "clip.h5", clip="c", frames=4, span=2).ranged(1, 3)
    assert rows.tolist() == [4, 5, 6] and index.tolist() == [0, 1]


def test_the_same_content_is_the_same_bytes(tmp_path):
    windows(tmp_path / "one.h5")
    windows(tmp_path / "two.h5")
    assert (tmp_path / "one.h5").read_bytes() == (tmp_path / "two.h5").read_bytes()


def test_a_reader_is_pickled_without_its_open_file(tmp_path):
    values, index = windows(tmp_path / "clip.h5")
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=7, span=3)
    reader.read(0, 1)
    again = pickle.loads(pickle.dumps(reader))
    assert np.array_equal(again.read(0, 7), slow(values, index, 3))


def line(path, frames, span=1):
    with pytest.raises(Problem) as caught:
        store.FeatureReader(path, clip="a clip", frames=frames, span=span).read(0, 1)
    text = str(caught.value)
    assert "a clip" in text and str(path) in text and "delete the file" in text
    return text


def test_a_file_whose_frames_disagree_with_the_clip_is_refused(tmp_path):
    windows(tmp_path / "clip.h5")
    assert "found 7 frames; expected the clip's 8" in line(tmp_path / "clip.h5", 8, span=3)


def test_an_index_beyond_the_rows_is_refused(tmp_path):
    store.write(tmp_path / "clip.h5", np.zeros((3, 2)), np.array([0, 2]))
    assert "from -1 to 1" in line(tmp_path / "clip.h5", 2, span=2)


def test_a_file_cut_in_half_is_refused(tmp_path):
    path = tmp_path / "clip.h5"
    windows(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    assert "unreadable HDF5" in line(path, 7, span=3)


def test_a_missing_file_and_a_file_without_rows_are_refused(tmp_path):
    assert "no such file" in line(tmp_path / "none.h5", 7)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["columns"] = [1]
    assert "['columns']" in line(tmp_path / "other.h5", 1)


def test_frames_outside_the_clip_are_an_index_error(tmp_path):
    windows(tmp_path / "clip.h5")
    with pytest.raises(IndexError, match="6:8 of 7"):
        store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=7, span=3).read(6, 8)


# ------------------------------------------------------------------------- references


@pytest.fixture
def referring(tmp_path):
    """A feature, and in another folder a file that refers to it."""
    (tmp_path / "faces").mkdir()
    (tmp_path / "visual").mkdir()
    values, index = windows(tmp_path / "faces/clip.h5")
    store.refer(tmp_path / "faces/clip.h5", "digest", tmp_path / "visual/clip.h5")
    return tmp_path / "visual/clip.h5", values, index


def test_a_reference_is_read_as_what_it_refers_to(referring, tmp_path):
    path, values, index = referring
    other, own = (
        store.FeatureReader(one, clip="clip", frames=7, span=3)
        for one in (path, tmp_path / "faces/clip.h5")
    )
    assert np.array_equal(other.read(0, 7), slow(values, index, 3))
    assert np.array_equal(other.take(np.array([5, 0, 5])), slow(values, index, 3)[[5, 0, 5]])
    assert np.array_equal(other.index, index) and np.array_equal(other.rows[...], values)
    assert other.value_shape == own.value_shape and other.read(1, 2).dtype == np.float32
    assert other.extent(0, 7) == own.extent(0, 7)
    for one, two in zip(other.ranged(2, 6), own.ranged(2, 6), strict=True):
        assert np.array_equal(one, two)


def test_a_reference_to_a_feature_without_an_index_has_one_row_per_frame(tmp_path):
    rows = np.arange(11 * 2, dtype=np.uint8).reshape(11, 2)
    store.write(tmp_path / "rows.h5", rows)
    store.refer(tmp_path / "rows.h5", "digest", tmp_path / "clip.h5")
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=11)
    assert np.array_equal(reader.read(3, 7), rows[3:7])


def test_a_reference_to_no_rows_is_zeros(tmp_path):
    store.write(tmp_path / "rows.h5", np.zeros((0, 2, 3), np.uint8), np.full(5, -1))
    store.refer(tmp_path / "rows.h5", "digest", tmp_path / "clip.h5")
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="clip", frames=5)
    assert reader.read(1, 4).shape == (3, 2, 3) and not reader.read(0, 5).any()


def test_a_reference_holds_none_of_the_rows(tmp_path):
    store.write(tmp_path / "rows.h5", np.zeros((1009, 31, 31)))
    store.refer(tmp_path / "rows.h5", "digest", tmp_path / "clip.h5")
    assert (tmp_path / "clip.h5").stat().st_size < 10_000


def test_a_reference_changes_with_the_digest_alone(referring, tmp_path):
    path, *_ = referring
    before = path.read_bytes()
    store.refer(tmp_path / "faces/clip.h5", "digest", tmp_path / "visual/again.h5")
    assert (tmp_path / "visual/again.h5").read_bytes() == before
    store.refer(tmp_path / "faces/clip.h5", "another", path)
    assert path.read_bytes() != before


def test_a_reference_and_what_it_refers_to_may_be_moved_together(referring, tmp_path, monkeypatch):
    _, values, index = referring
    (tmp_path / "moved").mkdir()
    for name in ("faces", "visual"):
        (tmp_path / name).rename(tmp_path / "moved" / name)
    expected = slow(values, index, 3)
    path = tmp_path / "moved/visual/clip.h5"
    assert np.array_equal(
        store.FeatureReader(path, clip="clip", frames=7, span=3).read(0, 7), expected
    )
    monkeypatch.chdir(tmp_path / "moved")
    path = path.relative_to(tmp_path / "moved")
    assert np.array_equal(
        store.FeatureReader(path, clip="clip", frames=7, span=3).read(0, 7), expected
    )


def test_a_reference_by_relative_paths_is_the_same_file(referring, tmp_path, monkeypatch):
    path, *_ = referring
    monkeypatch.chdir(tmp_path)
    store.refer(Path("faces/clip.h5"), "digest", Path("visual/relative.h5"))
    assert Path("visual/relative.h5").read_bytes() == path.read_bytes()


def test_a_reference_through_a_link_is_followed_from_the_links_folder(referring, tmp_path):
    """DVC may replace a file by a link to its cache."""
    path, values, index = referring
    (tmp_path / "cache/files/md5").mkdir(parents=True)
    for name in ("faces", "visual"):
        kept = tmp_path / "cache/files/md5" / name
        (tmp_path / name / "clip.h5").rename(kept)
        (tmp_path / name / "clip.h5").symlink_to(kept)
    reader = store.FeatureReader(path, clip="clip", frames=7, span=3)
    assert np.array_equal(reader.read(0, 7), slow(values, index, 3))


def test_a_reference_whose_target_is_missing_or_damaged_is_refused_with_a_cure(referring, tmp_path):
    path, *_ = referring
    target = tmp_path / "faces/clip.h5"
    found = "found a reference to ../faces/clip.h5, which is missing or damaged; expected the"
    target.write_bytes(target.read_bytes()[: target.stat().st_size // 2])
    assert found in line(path, 7, span=3)
    target.unlink()
    assert found in line(path, 7, span=3)


def test_a_reference_whose_target_is_of_another_clip_is_refused(referring):
    path, *_ = referring
    assert "found 7 frames; expected the clip's 8" in line(path, 8, span=3)


def cut_in_half(path):
    windows(path)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def without_rows(path):
    with h5py.File(path, "w") as file:
        file["columns"] = [1]


@pytest.mark.parametrize(
    ("make", "found"),
    [
        (lambda path: None, "no such file"),
        (lambda path: path.write_bytes(b""), "unreadable HDF5"),
        (lambda path: path.write_bytes(b"no HDF5"), "unreadable HDF5"),
        (cut_in_half, "unreadable HDF5"),
        (without_rows, "the datasets ['columns']"),
    ],
    ids=["missing", "empty", "text", "half", "without rows"],
)
def test_a_reference_to_a_file_that_is_not_a_feature_is_refused(tmp_path, make, found):
    target, path = tmp_path / "target.h5", tmp_path / "clip.h5"
    make(target)
    with pytest.raises(Problem) as caught:
        store.refer(target, "digest", path)
    assert caught.value.clip == "target" and caught.value.file == str(target)
    assert found in caught.value.found
    assert "delete the file and run `dvc repro`" in caught.value.cure
    assert not path.exists()


def test_a_reference_is_pickled_without_its_open_file(referring):
    path, values, index = referring
    reader = store.FeatureReader(path, clip="clip", frames=7, span=3)
    reader.read(0, 1)
    again = pickle.loads(pickle.dumps(reader))
    assert np.array_equal(again.read(0, 7), slow(values, index, 3))


def held_by_this_process(folder):
    """The files in a folder that this process has open, according to the operating system."""
    names = set()
    for descriptor in Path("/proc/self/fd").iterdir():
        with suppress(FileNotFoundError):  # the descriptor with which this folder is read
            names.add(str(descriptor.readlink()))
    return {name for name in names if name.startswith(str(folder))}


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="the system lists no open files")
def test_a_reference_keeps_one_file_open_until_it_is_closed(referring, tmp_path):
    path, *_ = referring
    reader = store.FeatureReader(path, clip="clip", frames=7, span=3)
    reader.read(0, 1)
    assert held_by_this_process(tmp_path) == {str(tmp_path / "faces/clip.h5")}
    reader.close()
    assert held_by_this_process(tmp_path) == set()


# ------------------------------------------------------------------------- many files


def readers_of(folder, count):
    """Readers of this number of files; each file holds its number, in three frames."""
    for number in range(count):
        store.write(folder / f"{number}.h5", np.full((3, 2), number, np.float32))
    return [store.FeatureReader(folder / f"{n}.h5", clip=str(n), frames=3) for n in range(count)]


def files_open(folder):
    ids = h5py.h5f.get_obj_ids(h5py.h5f.OBJ_ALL, h5py.h5f.OBJ_DATASET)
    names = {h5py.Dataset(id).file.filename for id in ids}
    return sorted(name for name in names if name.startswith(str(folder)))


def test_files_that_were_read_longest_ago_are_closed(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "OPEN_FILES", 3)
    readers = readers_of(tmp_path, 5)
    for n in (0, 1, 2, 0, 3, 4):
        assert (readers[n].read(0, 3) == n).all()
    assert files_open(tmp_path) == [str(tmp_path / f"{n}.h5") for n in (0, 3, 4)]
    assert (readers[1].read(1, 2) == 1).all()
    assert files_open(tmp_path) == [str(tmp_path / f"{n}.h5") for n in (1, 3, 4)]


def test_a_file_is_closed_when_its_reader_is_deleted_or_closed(tmp_path):
    first, second = readers_of(tmp_path, 2)
    first.read(0, 1), second.read(0, 1)
    assert len(files_open(tmp_path)) == 2
    second.close()
    del first
    assert files_open(tmp_path) == []


def test_a_file_that_was_replaced_meanwhile_is_checked_again(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "OPEN_FILES", 1)
    readers = readers_of(tmp_path, 2)
    for reader in readers:
        reader.read(0, 3)
    store.write(tmp_path / "0.h5", np.zeros((5, 2), np.float32))
    with pytest.raises(Problem, match="found 5 frames; expected the clip's 3"):
        readers[0].read(0, 3)


def test_threads_can_read_while_others_close_the_files(tmp_path, monkeypatch):
    monkeypatch.setattr(store, "OPEN_FILES", 2)
    readers = readers_of(tmp_path, 7)
    with ThreadPoolExecutor(5) as pool:
        read = list(pool.map(lambda n: readers[n % 7].read(0, 3).tolist(), range(700)))
    assert read == [[[n % 7] * 2] * 3 for n in range(700)]


MANY = """
import resource, sys
from pathlib import Path
from rjcma.store import FeatureReader
resource.setrlimit(resource.RLIMIT_NOFILE, (int(sys.argv[2]),) * 2)
readers = [FeatureReader(path, clip=path.stem, frames=3) for path in Path(sys.argv[1]).glob("*.h5")]
total = sum(int(reader.read(0, 1)[0, 0]) for _ in range(2) for reader in readers)
print(total)
"""


def test_there_may_be_more_files_than_a_process_may_open(tmp_path):
    count, limit = store.OPEN_FILES + 60, store.OPEN_FILES + 40
    assert limit <= resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    readers_of(tmp_path, count)
    command = [sys.executable, "-c", MANY, str(tmp_path), str(limit)]
    result = subprocess.run(command, capture_output=True, text=True, check=True)
    assert int(result.stdout) == 2 * sum(range(count))


def test_the_extent_of_frames_is_that_of_their_rows(tmp_path):
    store.write(tmp_path / "clip.h5", np.arange(13.0), np.array([-1, 4, -1, 9, 2, -1]))
    reader = store.FeatureReader(tmp_path / "clip.h5", clip="c", frames=6, span=3)
    extents = [reader.extent(*window) for window in ((0, 6), (0, 3), (3, 5), (5, 6), (2, 2))]
    assert extents == [(2, 12), (4, 7), (2, 12), (0, 0), (0, 0)]
