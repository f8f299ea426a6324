"""A killed run resumes after its last finished epoch, and ends with the same files."""

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

from rjcma import store
from rjcma.encoders.compact_visual import CompactVisual
from rjcma.jobs import recipe
from rjcma.problem import Problems
from rjcma.training import history, loop
from rjcma.training.checkpoint import Checkpoint

FILES = ("weights.safetensors", "history.csv", "run.json", "predictions.h5", ".keys")
RELEASES = {"warmup": 1, "patience": 1, "learning_rate": 0.01, "min_learning_rate": 0.01}
"""With this learning rate, some epochs have no better CCC, so that groups are released."""


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture(autouse=True)
def two_groups(monkeypatch):
    monkeypatch.setattr(CompactVisual, "groups", (("norm",), ("projection",)), raising=False)


@pytest.fixture
def checkpoint(tmp_path):
    return tmp_path / "checkpoints" / "valence-0.pt"


def trained(
    root, out, mode="finetune", checkpoint=None, change=lambda settings: settings, **training
):
    """Train the run -> its history."""
    settings = change(tiny_corpus.settings(mode, **{"epochs": 9, **RELEASES, **training}))
    tiny_corpus.trained(root, out, tiny_corpus.run(settings), mode, checkpoint=checkpoint)
    return history.read(out / "history.csv")


def killed(epoch, monkeypatch, root, out, checkpoint, **how):
    """A run that ends, as if killed, after this number of epochs."""
    save, saved = Checkpoint.save, []

    def save_and_die(checkpoint, state):
        save(checkpoint, state)
        saved.append(state)
        if len(saved) == epoch:
            raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Checkpoint, "save", save_and_die)
        with pytest.raises(KeyboardInterrupt):
            trained(root, out, checkpoint=checkpoint, **how)


@pytest.mark.parametrize("reload", [True, False])
@pytest.mark.parametrize("mode", ["precompute", "finetune"])
def test_a_killed_run_ends_with_the_files_of_one_that_was_not(
    mode, reload, root, tmp_path, monkeypatch, capsys, checkpoint
):
    epochs = trained(root, tmp_path / "whole", mode, reload=reload)
    if mode == "finetune":
        assert {row.released for row in epochs} == {1, 2}
    for epoch in range(1, len(epochs) + 1, 2):
        out = tmp_path / f"killed-{epoch}"
        killed(epoch, monkeypatch, root, out, checkpoint, mode=mode, reload=reload)
        assert not list(out.iterdir())  # only the checkpoint is kept
        capsys.readouterr()
        trained(root, out, mode, checkpoint, reload=reload)
        messages = capsys.readouterr().err
        assert f"goes on after epoch {epoch}\n" in messages and f": epoch {epoch}," not in messages
        for name in FILES:
            assert (out / name).read_bytes() == (tmp_path / "whole" / name).read_bytes(), name
        assert {path.name for path in out.iterdir()} == set(FILES)
        assert not list(checkpoint.parent.iterdir())


def relabelled(root, column=0):
    path = root / "labels" / "anna.npy"
    values = np.load(path)
    values[20, column] += 0.01
    np.save(path, values)


def revoiced(root):
    store.write(root / "audio" / "anna.h5", np.ones((31, 3), np.float32))


CHANGES = {
    "a parameter": {"clip_norm": 0.5},
    "another section": {"change": lambda settings: settings._replace(recursions=1)},
    "labels": relabelled,
    "a feature": revoiced,
}


@pytest.mark.parametrize("what", CHANGES)
def test_a_stale_checkpoint_is_not_used(what, root, tmp_path, monkeypatch, capsys, checkpoint):
    own, how = tmp_path / "corpus", CHANGES[what]
    shutil.copytree(root, own)
    killed(2, monkeypatch, own, tmp_path / "out", checkpoint, mode="precompute")
    if callable(how):
        how(own)
        how = {}
    trained(own, tmp_path / "out", "precompute", checkpoint, **how)
    messages = capsys.readouterr().err
    assert "goes on" not in messages and messages.count(": epoch 1,") == 2
    assert not checkpoint.exists()


def test_a_checkpoint_of_other_code_is_not_used(root, tmp_path, monkeypatch, capsys, checkpoint):
    killed(2, monkeypatch, root, tmp_path / "out", checkpoint, mode="precompute")
    monkeypatch.setattr(recipe.code, "digest", lambda modules: "of other code")
    trained(root, tmp_path / "out", "precompute", checkpoint)
    messages = capsys.readouterr().err
    assert "goes on" not in messages and messages.count(": epoch 1,") == 2


def test_a_checkpoint_is_used_after_a_change_of_another_targets_labels(
    root, tmp_path, monkeypatch, capsys, checkpoint
):
    own = tmp_path / "corpus"
    shutil.copytree(root, own)
    killed(2, monkeypatch, own, tmp_path / "out", checkpoint, mode="precompute")
    relabelled(own, column=1)
    trained(own, tmp_path / "out", "precompute", checkpoint)
    assert "goes on after epoch 2\n" in capsys.readouterr().err


def test_a_loss_that_is_not_finite_leaves_the_last_good_checkpoint(
    root, tmp_path, monkeypatch, capsys, checkpoint
):
    trained(root, tmp_path / "whole", "precompute")
    calls, original = [], loop.concordance_losses

    def spoilt(outputs, truth):
        calls.append(len(truth))
        return original(outputs, truth) * (np.nan if len(calls) == 8 else 1)

    with monkeypatch.context() as patched:
        patched.setattr(loop, "concordance_losses", spoilt)
        with pytest.raises(
            Problems, match=r"valence, fold 0: found a loss of nan in epoch 3, batch 2 "
        ):
            trained(root, tmp_path / "out", "precompute", checkpoint)
    capsys.readouterr()
    trained(root, tmp_path / "out", "precompute", checkpoint)
    assert "goes on after epoch 2\n" in capsys.readouterr().err
    for name in FILES:
        assert (tmp_path / "out" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_a_run_killed_by_the_system_goes_on(root, tmp_path):
    endless = {"epochs": 400, "early_stop": None, "min_learning_rate": 1e-12}
    params = tiny_corpus.params(tiny_corpus.settings("precompute", **endless))
    path = tmp_path / "params.yaml"
    with path.open("w") as file:
        YAML().dump(params, file)
    folders = tiny_corpus.folders(root)
    inputs = [
        root / "clips.jsonl",
        root / "labels",
        *(folders[m] for m in ("visual", "audio", "text")),
        tmp_path / "engines.json",
    ]
    inputs[-1].write_text('{"params": {}, "models": {}}')
    command = [sys.executable, "-m", "stages.train", *map(str, inputs), str(tmp_path / "runs")]
    command += ["--params", str(path), "--target", "valence", "--fold", "0"]
    command += ["--checkpoints", str(tmp_path / "checkpoints")]
    command += ["--ablation", str(tmp_path / "ablation")]

    def until(line):
        """The lines that the stage writes up to one that contains `line`; then it is killed."""
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
        messages = []
        for each in process.stderr:
            messages.append(each)
            if line in each:
                break
        process.send_signal(signal.SIGKILL)
        process.wait()
        process.stderr.close()
        return messages

    assert any(": epoch 3," in each for each in until(": epoch 5,"))
    messages = until(": epoch 20,")
    goes_on = next(each for each in messages if "goes on after epoch" in each)
    epoch = int(goes_on.split()[-1])
    assert 4 <= epoch < 20
    assert any(f": epoch {epoch + 1}," in each for each in messages)
    assert not any(f": epoch {epoch}," in each for each in messages)
