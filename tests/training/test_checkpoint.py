"""Checkpoints: what they keep between epochs, and when they are not used."""

from __future__ import annotations

import pickle

import pytest
import torch

from rjcma.training.checkpoint import Checkpoint

STATE = {"weights": {"a": torch.arange(7.0)}, "history": [[1, 0.1 + 0.2]], "best": 1}


@pytest.fixture
def path(tmp_path):
    return tmp_path / "deep" / "valence-0.pt"


def test_the_last_saved_state_is_loaded_bit_for_bit(path):
    Checkpoint(path, "key").save({"best": 0})
    Checkpoint(path, "key").save(STATE)
    loaded = Checkpoint(path, "key").load()
    assert torch.equal(loaded.pop("weights")["a"], STATE["weights"]["a"])
    assert loaded == {"history": [[1, 0.1 + 0.2]], "best": 1}
    assert [each.name for each in path.parent.iterdir()] == ["valence-0.pt"]


def test_a_checkpoint_of_another_key_is_none(path):
    Checkpoint(path, "key").save(STATE)
    assert Checkpoint(path, "other").load() is None


def test_no_checkpoint_is_none(path):
    assert Checkpoint(path, "key").load() is None
    nowhere = Checkpoint(None, "key")
    nowhere.save(STATE)
    assert nowhere.load() is None


class Bomb:
    def __reduce__(self):
        return open, ("exploded", "w")


def damaged(whole):
    class_file = pickle.dumps({"key": "key", "state": Bomb()}, protocol=2)
    return [whole[: len(whole) // 2], b"", b"text", class_file]


@pytest.mark.parametrize("number", range(4))
def test_a_damaged_checkpoint_is_reported_runs_nothing_and_is_none(
    number, path, capsys, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    Checkpoint(path, "key").save(STATE)
    path.write_bytes(damaged(path.read_bytes())[number])
    assert Checkpoint(path, "key").load() is None
    assert "valence-0.pt: unreadable" in capsys.readouterr().err
    assert not (tmp_path / "exploded").exists()
