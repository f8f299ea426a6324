"""The attention that is kept of a trained network, against the paper's equations."""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from fusion_world import settings as fusion_settings
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load_file

from rjcma import manifest
from rjcma.attention import stored
from rjcma.attention.attend import Network, attend, spread
from rjcma.attention.attend_all import attend_all, chosen
from rjcma.attention.stored import as_bytes, from_bytes, reduced
from rjcma.problem import Problem, Problems
from rjcma.scoring import runs
from rjcma.scoring.settings import Runs
from rjcma.training.clip_data import open_all
from rjcma.training.network import input_shapes
from rjcma.training.saved import load_run
from rjcma.training.windows import Window, fixed

MODE = "precompute"


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    root = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(root)
    settings = tiny_corpus.settings(MODE, epochs=1)
    tiny_corpus.trained(root, root / "runs" / "valence-0", tiny_corpus.run(settings), MODE)
    return root


def clip(root: Path, name: str):
    return next(c for c in manifest.read(root / "clips.jsonl") if c.name == name)


def kept(root: Path, name: str, limit=None, out="out"):
    """The attention of the run for a clip, as it is stored."""
    path = root / out / f"{name}.h5"
    path.parent.mkdir(exist_ok=True)
    network = Network("valence", 0, name == "anna", root / "runs" / "valence-0")
    attend(tiny_corpus.folders(root, MODE), limit, "auto", clip(root, name), [network], path)
    (found,) = stored.read(path)
    return found


def test_threads_that_share_a_network_record_each_its_own_clip(root, tmp_path):
    network = Network("valence", 0, False, root / "runs" / "valence-0")
    clips = manifest.read(root / "clips.jsonl")

    def bytes_of(folder, number):
        path = folder / f"{number}.h5"
        of = clips[number % len(clips)]
        attend(tiny_corpus.folders(root, MODE), 1, "cpu", of, [network], path)
        return path.read_bytes()

    (tmp_path / "one").mkdir()
    (tmp_path / "four").mkdir()
    alone = [bytes_of(tmp_path / "one", n) for n in range(len(clips))]
    with ThreadPoolExecutor(4) as threads:
        found = list(threads.map(lambda n: bytes_of(tmp_path / "four", n), range(40)))
    assert found == [alone[n % len(clips)] for n in range(40)]


def features_of(root: Path, name: str, window: Window) -> dict[str, np.ndarray]:
    """What the fusion receives for a window: each modality's (d_m, frames)."""
    saved = load_run(root / "runs" / "valence-0")
    shapes, folders = input_shapes(saved.settings), tiny_corpus.folders(root, MODE)
    (data,) = open_all([clip(root, name)], folders, shapes, None, "")
    network, found = saved.network, {}
    for m, reader in data.readers.items():
        values = torch.from_numpy(np.asarray(reader.read(*window), np.float32))
        valid = torch.ones(1, len(values), dtype=torch.bool)
        with torch.no_grad():
            found[m] = network.tcns[m](network.encode(m, values, valid))[0].double().numpy()
    return found


def by_the_paper(root: Path, x: dict[str, np.ndarray]) -> list[dict[str, np.ndarray]]:
    """C_m of each recursion, by equations 1 to 10, from the weights on disk."""
    weights = load_file(root / "runs" / "valence-0" / "weights.safetensors")
    length = len(next(iter(x.values()))[0])
    matrices = []
    for recursion in range(2):

        def weight(name, recursion=recursion):
            return weights[f"fusion.recursions.{recursion}.{name}"].astype(float)

        joint = np.concatenate(list(x.values()))
        j = weight("fc.weight") @ joint + weight("fc.bias")[:, None]
        c = {m: np.tanh(x[m].T @ weight(f"w_j.{m}") @ j / math.sqrt(len(joint))) for m in x}
        matrices.append(c)
        attended = {}
        for m in x:
            w_c, w_h = (weight(f"{w}.{m}")[:length, :length] for w in ("w_c", "w_h"))
            h = np.maximum(x[m] @ w_c @ c[m], 0)
            attended[m] = h @ w_h + x[m]
        x = attended
    return matrices


@pytest.mark.parametrize("name", ["anna", "dora", "bert"])
def test_what_is_kept_of_a_window_is_the_papers_correlation(root, name):
    found = kept(root, name)
    assert found.windows.tolist() == [[*w] for w in fixed(clip(root, name).frames, SETTINGS)]
    for window, matrices in zip(found.windows, found.matrices, strict=True):
        expected = by_the_paper(root, features_of(root, name, Window(*window)))
        for recursion, of_modalities in enumerate(expected):
            for column, m in enumerate(found.modalities):
                shown = from_bytes(matrices[recursion, column])
                np.testing.assert_allclose(shown, of_modalities[m], atol=0.5 / 127 + 1e-5)


SETTINGS = tiny_corpus.settings(MODE).windows


def test_what_is_kept_says_whose_it_is(root):
    found = kept(root, "anna", limit=2)
    assert (found.target, found.fold, found.trained, found.fusion) == ("valence", 0, True, "rjcma")
    assert found.modalities == ("visual", "audio", "text")
    assert len(found.windows) == 2 < found.all_windows and found.step == 1


def test_the_same_clip_gives_the_same_bytes(root):
    kept(root, "dora", out="one"), kept(root, "dora", out="two")
    one, two = ((root / out / "dora.h5").read_bytes() for out in ("one", "two"))
    assert one == two


@given(st.integers(1, 17), st.integers(1, 7))
def test_a_cell_is_the_mean_of_its_frames(frames, step):
    matrix = np.random.default_rng(frames).normal(size=(2, frames, frames))
    small = reduced(matrix, step)
    cells = math.ceil(frames / step)
    assert small.shape == (2, cells, cells)
    for row in range(cells):
        for column in range(cells):
            rows = slice(row * step, (row + 1) * step)
            columns = slice(column * step, (column + 1) * step)
            expected = matrix[:, rows, columns].mean(axis=(1, 2))
            np.testing.assert_allclose(small[:, row, column], expected)


@given(st.floats(-1, 1))
def test_a_byte_is_within_half_a_step_of_its_value(value):
    assert abs(float(from_bytes(as_bytes(np.array(value)))) - value) <= 0.5 / 127 + 1e-6


@given(st.integers(1, 40), st.integers(0, 12) | st.none())
def test_windows_that_are_kept_are_spread_from_the_first_to_the_last(count, limit):
    windows = [Window(n, n + 1) for n in range(count)]
    found = spread(windows, limit)
    assert len(found) == (count if limit is None else min(count, limit))
    assert len(set(found)) == len(found) and found == sorted(found)
    if len(found) > 1:
        assert (found[0], found[-1]) == (windows[0], windows[-1])


def run(target: str, fold: int, train: str) -> runs.TrainedRun:
    return runs.TrainedRun(target, fold, frozenset(train), (), [], 1, {})


def test_a_clip_is_shown_by_networks_that_were_not_trained_on_it():
    made = [run(t, fold, train) for fold, train in enumerate(("ab", "bc", "ca")) for t in "xy"]
    assert [(r.target, r.fold) for r in chosen(made, "a")] == [("x", 1), ("y", 1)]
    assert [(r.target, r.fold) for r in chosen(made, "test")] == [("x", 0), ("y", 0)]
    assert [(r.target, r.fold) for r in chosen(made[:2], "a")] == [("x", 0), ("y", 0)]


def test_a_second_run_computes_nothing_and_other_features_only_their_clip(root, tmp_path, capsys):
    clips = manifest.read(root / "clips.jsonl")
    found = runs.read(root / "runs", Runs(targets=("valence",), folds=(0,)), clips)
    folders = tiny_corpus.folders(root, MODE)
    arguments = (clips, found, root / "runs", folders, tmp_path / "attention", 1)
    attend_all(*arguments)
    assert {p.stem for p in (tmp_path / "attention").glob("*.h5")} == {c.name for c in clips}
    capsys.readouterr()
    attend_all(*arguments)
    assert "6 in all, 6 kept" in capsys.readouterr().err
    with h5py.File(folders["text"] / "emil.h5", "a") as file:
        file["rows"][0] += 1
    attend_all(*arguments)
    assert "6 in all, 5 kept, 1 to make (1 input)" in capsys.readouterr().err


def test_a_missing_feature_is_a_line_and_other_clips_are_kept(root, tmp_path):
    clips = manifest.read(root / "clips.jsonl")
    found = runs.read(root / "runs", Runs(targets=("valence",), folds=(0,)), clips)
    folders = {**tiny_corpus.folders(root, MODE), "text": tmp_path}
    with pytest.raises(Problems) as raised:
        attend_all(clips, found, root / "runs", folders, tmp_path / "attention", 1)
    assert len(raised.value.problems) == len(clips) and "anna" in str(raised.value)


def test_a_damaged_file_is_one_line(tmp_path):
    (tmp_path / "anna.h5").write_bytes(b"no HDF5")
    with pytest.raises(Problem, match="no attention that can be read"):
        stored.read(tmp_path / "anna.h5")


def attention_of(kind, root, tmp_path):
    """The attention of a clip, of a network with this kind of fusion."""
    settings = tiny_corpus.settings(MODE, epochs=1)
    fusion = fusion_settings(kind, widths=settings.fusion.widths, hidden=11)
    asked = tiny_corpus.run(settings._replace(fusion=fusion))
    tiny_corpus.trained(root, tmp_path / "valence-0", asked, MODE)
    network = Network("valence", 0, False, tmp_path / "valence-0")
    attend(
        tiny_corpus.folders(root, MODE),
        None,
        "auto",
        clip(root, "dora"),
        [network],
        tmp_path / "a.h5",
    )
    (found,) = stored.read(tmp_path / "a.h5")
    assert found.fusion == kind
    return found


@pytest.mark.parametrize("kind", ["concat", "released_gated"])
def test_of_another_fusion_no_window_is_kept(root, tmp_path, kind):
    assert len(attention_of(kind, root, tmp_path).windows) == 0


def test_of_the_papers_fusion_with_gates_all_recursions_are_kept(root, tmp_path):
    found = attention_of("rjcma_gated", root, tmp_path)
    assert len(found.windows) == found.all_windows and found.matrices.shape[1:3] == (2, 3)
    assert np.ptp(found.matrices.astype(int), axis=(0, 3, 4)).min() > 0
