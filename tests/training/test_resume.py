"""A run that was killed goes on after its last finished epoch, and ends in the same files."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys

import numpy as np
import pytest
import tiny_corpus
from ruamel.yaml import YAML

from rjcma import manifest, store
from rjcma.corpus import labels
from rjcma.encoders.compact_visual import CompactVisual
from rjcma.problem import Problem
from rjcma.training import loop
from rjcma.training.checkpoint import Checkpoint
from rjcma.training.run import train

FILES = ("weights.safetensors", "history.csv", "run.json", "predictions.h5")
RELEASES = {"epochs": 9, "warmup": 1, "patience": 1, "rate": 1e-3, "min_learning_rate": 1e-3}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture(autouse=True)
def two_groups(monkeypatch):
    monkeypatch.setattr(CompactVisual, "groups", (("norm",), ("projection",)), raising=False)


def trained(
    root, out, mode="finetune", checkpoints=None, change=lambda settings: settings, **training
):
    settings = change(tiny_corpus.settings(mode, **{**RELEASES, **training}))
    clips = manifest.read(root / "clips.jsonl")
    folders = tiny_corpus.folders(root, mode)
    return train(
        clips, root / "labels", folders, out, "valence", 0, settings, checkpoints=checkpoints
    )


def killed(epoch, monkeypatch, root, out, checkpoints, **how):
    """A run that ends, as if killed, when it has finished so many epochs."""
    save, saved = Checkpoint.save, []

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        saved.append(state)
        if len(saved) == epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            trained(root, out, checkpoints=checkpoints, **how)


@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_a_killed_run_ends_in_the_files_of_one_that_was_not(
    mode, reload, root, tmp_path, monkeypatch, capsys
):
    whole = trained(root, tmp_path / "whole", mode, reload=reload)
    if mode == "finetune":
        assert {row.released for row in whole.history} == {1, 2}
    kept = tmp_path / "checkpoints"
    for epoch in range(1, len(whole.history) + 1, 2):
        out = tmp_path / f"killed-{epoch}"
        killed(epoch, monkeypatch, root, out, kept, mode=mode, reload=reload)
        capsys.readouterr()
        trained(root, out, mode, kept, reload=reload)
        said = capsys.readouterr().err
        assert f"goes on after epoch {epoch}\n" in said and f": epoch {epoch}," not in said
        for name in FILES:
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
        assert not list(kept.iterdir())


def relabelled(root):
    truth = {
        c.name: labels.read(root / "labels", c) for c in manifest.read(root / "clips.jsonl")[:-1]
    }
    truth["anna"][20] += 0.01
    labels.write(root / "labels", truth)


def revoiced(root):
    store.write(root / "audio" / "anna.h5", np.ones((31, 3), np.float32))


CHANGES = {
    "a parameter": {"clip_norm": 0.5},
    "another section": {"change": lambda settings: settings._replace(recursions=1)},
    "labels": relabelled,
    "a feature": revoiced,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_stale_checkpoint_is_of_no_use(what, root, tmp_path, monkeypatch, capsys):
    own = tmp_path / "corpus"
    shutil.copytree(root, own)
    kept, how = tmp_path / "checkpoints", CHANGES[what]
    killed(2, monkeypatch, own, tmp_path / "out", kept, mode="precompute")
    if callable(how):
        how(own)
        how = {}
    trained(own, tmp_path / "out", "precompute", kept, **how)
    said = capsys.readouterr().err
    assert "goes on" not in said and said.count(": epoch 1,") == 2


def test_a_loss_that_is_no_number_leaves_the_last_good_checkpoint(
    root, tmp_path, monkeypatch, capsys
):
    whole = trained(root, tmp_path / "whole", "precompute")
    kept, calls, right = tmp_path / "checkpoints", [], loop.concordance_losses

    def spoilt(outputs, truth):
        calls.append(len(truth))
        return right(outputs, truth) * (np.nan if len(calls) == 8 else 1)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "concordance_losses", spoilt)
        with pytest.raises(
            Problem, match=r"valence, fold 0: found a loss of nan in epoch 3, batch 2 "
        ):
            trained(root, tmp_path / "out", "precompute", kept)
    capsys.readouterr()
    assert trained(root, tmp_path / "out", "precompute", kept) == whole
    assert "goes on after epoch 2\n" in capsys.readouterr().err


def test_a_run_killed_by_the_system_goes_on(root, tmp_path):
    sections = tiny_corpus.settings(
        "precompute", epochs=400, early_stop=None, min_learning_rate=1e-12
    )
    params = {"corpus": {**sections.corpus.model_dump(mode="json")}, **sections.dumped()}
    path = tmp_path / "params.yaml"
    with path.open("w") as file:
        YAML().dump(params, file)
    folders = tiny_corpus.folders(root)
    inputs = [
        root / "clips.jsonl",
        root / "labels",
        *(folders[m] for m in ("visual", "audio", "text")),
    ]
    command = [sys.executable, "-m", "stages.train", *map(str, inputs), str(tmp_path / "out")]
    command += ["--params", str(path), "--target", "valence", "--fold", "0"]
    command += ["--checkpoints", str(tmp_path / "checkpoints")]

    def until(line):
        """The lines that the stage writes, until one holds this; then it is killed."""
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
        said = []
        for each in process.stderr:
            said.append(each)
            if line in each:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        return said

    assert any(": epoch 3," in each for each in until(": epoch 5,"))
    said = until(": epoch 20,")
    goes_on = next(each for each in said if "goes on after epoch" in each)
    epoch = int(goes_on.split()[-1])
    assert 4 <= epoch < 20
    assert any(f": epoch {epoch + 1}," in each for each in said)
    assert not any(f": epoch {epoch}," in each for each in said)
