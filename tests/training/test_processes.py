"""Several processes that train one network, and their devices and precisions."""

from __future__ import annotations

import csv
import os
import socket
import subprocess
import sys
from types import SimpleNamespace

import h5py
import numpy as np
import pytest
import tiny_corpus
import torch
from ruamel.yaml import YAML

from rjcma.fusion.settings import RJCMASettings, Widths
from rjcma.problem import Problem
from rjcma.training import processes
from rjcma.training.processes import Processes
from rjcma.training.saved import load_run
from rjcma.training.settings import Training

LAUNCH = ["-m", "accelerate.commands.launch", "--multi_gpu", "--num_processes", "2"]
LAUNCH += ["--num_machines", "1"]
LAUNCH += ["--mixed_precision", "no", "--dynamo_backend", "no"]


def free_port():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]


def stage(root, out, mode, before=()):
    """Train from the command line -> the history, one row per epoch, and stderr."""
    settings = tiny_corpus.settings(mode, epochs=3, reload=False)
    widths = Widths(visual=7, audio=3, text=5)
    fusion = RJCMASettings(kind="rjcma", widths=widths, hidden=11, dropout=0)
    params = tiny_corpus.params(settings._replace(fusion=fusion))
    out.mkdir()
    with (out / "params.yaml").open("w") as file:
        YAML().dump(params, file)
    folders = tiny_corpus.folders(root, mode)
    inputs = [
        root / "clips.jsonl",
        root / "labels",
        *(folders[m] for m in ("visual", "audio", "text")),
        out / "engines.json",
    ]
    inputs[-1].write_text('{"params": {}, "models": {}}')
    command = [sys.executable, *before, "-m", "stages.train", *map(str, inputs), str(out / "runs")]
    command += ["--target", "valence", "--fold", "0", "--params", str(out / "params.yaml")]
    command += ["--checkpoints", str(out / "checkpoints"), "--ablation", str(out / "ablation")]
    env = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert not list((out / "checkpoints").iterdir())
    with (out / "runs" / "valence-0" / "history.csv").open() as file:
        return list(csv.DictReader(file)), done.stderr


def shared(root, out, mode):
    """The history of a run of two processes; only one of them writes messages."""
    history, messages = stage(root, out, mode, [*LAUNCH, "--main_process_port", str(free_port())])
    assert "2 processes share every batch" in messages
    assert messages.count(": epoch 1,") == 1
    return history


def test_two_processes_train_as_one_does(tmp_path):
    """In a batch of three windows, one process takes two; in the last, of two, each takes one."""
    tiny_corpus.write(tmp_path / "corpus")
    alone, _ = stage(tmp_path / "corpus", tmp_path / "one", "precompute")
    together = shared(tmp_path / "corpus", tmp_path / "two", "precompute")
    assert len(alone) == len(together) == 3
    for one, two in zip(alone, together):
        assert float(one["loss"]) == pytest.approx(float(two["loss"]), abs=1e-5)
        assert float(one["ccc"]) == pytest.approx(float(two["ccc"]), abs=1e-4)


def test_two_processes_end_with_one_network(tmp_path):
    """On a CPU, batch norms see only the windows of their process, so the network differs from that
    of one process. But the saved weights predict what both processes predicted."""
    root, out = tmp_path / "corpus", tmp_path / "two"
    clips = tiny_corpus.write(root)
    shared(root, out, "finetune")
    run, folders = out / "runs" / "valence-0", tiny_corpus.folders(root, "finetune")
    expected = load_run(run).predict(clips, folders, "cpu")
    with h5py.File(run / "predictions.h5") as file:
        assert set(file) == expected.keys() == tiny_corpus.FRAMES.keys()
        for name, series in expected.items():
            np.testing.assert_allclose(file[name][:], series, atol=1e-6)


def test_gradients_of_several_processes_add_up_to_those_of_one():
    """Two shares of three windows, each with its own sum of losses over three."""
    torch.manual_seed(0)
    windows, weight = torch.randn(3, 5), torch.randn(5)

    def gradient(share):
        network = torch.nn.Linear(5, 1, bias=False)
        network.weight.data = weight[None].clone()
        (network(share).square().sum() / 3).backward()
        return network

    shares = [gradient(windows[rank::2]) for rank in range(2)]
    other = {0: shares[1], 1: shares[0]}

    def summed(rank):
        network = shares[rank]
        fake = SimpleNamespace(count=2, total=lambda flat: flat + other_gradient.flatten())
        other_gradient = other[rank].weight.grad.clone()
        Processes.add_gradients(fake, network)
        return network.weight.grad

    expected = gradient(windows).weight.grad
    first = shares[0].weight.grad.clone()
    torch.testing.assert_close(summed(0), expected)
    shares[0].weight.grad = first
    torch.testing.assert_close(summed(1), expected)


def test_more_processes_than_gpus_are_refused(monkeypatch):
    monkeypatch.setattr(processes.device, "choose", lambda name, key: torch.device("cuda"))
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setenv("WORLD_SIZE", "4")
    monkeypatch.setenv("LOCAL_RANK", "2")
    with pytest.raises(Problem, match=r"process 2 of 4 on a machine with 2 GPUs.*num_processes 2"):
        Processes(Training())


def test_a_missing_gpu_is_refused():
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    with pytest.raises(Problem, match=r"found cuda:3 .*expected auto, cpu"):
        Processes(Training(device="cuda:3"))


def test_half_precision_on_a_cpu_is_refused():
    with pytest.raises(Problem, match="fp16 on a CPU"):
        Processes(Training(device="cpu", precision="fp16"))


def test_bf16_is_used_in_products_and_not_in_weights_or_the_loss(tmp_path):
    lower = Processes(Training(device="cpu", precision="bf16"))
    layer = torch.nn.Linear(3, 5)
    with lower.accelerator.autocast():
        assert layer(torch.ones(2, 3)).dtype == torch.bfloat16
    assert layer.weight.dtype == torch.float32
    exact = Processes(Training(device="cpu"))
    with exact.accelerator.autocast():
        assert layer(torch.ones(2, 3)).dtype == torch.float32


def test_each_run_of_a_process_takes_its_own_device():
    assert Processes(Training(device="cpu")).device.type == "cpu"
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert Processes(Training(device="auto")).device.type == expected
