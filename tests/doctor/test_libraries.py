"""What is said of GPUs, with a stand-in for torch: most machines of tests have none."""

from __future__ import annotations

import sys
from types import SimpleNamespace
from typing import Any

import pytest

from rjcma.doctor import libraries


def torch(cards: int = 0, cuda: str | None = "13.0") -> Any:
    card = SimpleNamespace(name="NVIDIA X", total_memory=80e9)
    return SimpleNamespace(
        __version__="2.13.0",
        version=SimpleNamespace(cuda=cuda),
        backends=SimpleNamespace(),
        zeros=lambda *_, **__: __import__("numpy").zeros(2),
        cuda=SimpleNamespace(
            is_available=lambda: cards > 0,
            device_count=lambda: cards,
            get_device_properties=lambda _: card,
        ),
    )


@pytest.fixture(params=[True, False], ids=["a driver", "no driver"])
def driver(request, tmp_path, monkeypatch):
    path = tmp_path / "version"
    if request.param:
        path.write_text("NVRM")
    monkeypatch.setattr(libraries, "DRIVER", path)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    return request.param


def test_each_gpu_is_named_with_its_memory(driver):
    line = libraries.gpu(torch(cards=2))
    assert line.found == "NVIDIA X (80.0 GB), NVIDIA X (80.0 GB), CUDA 13.0" and not line.cure


def test_a_torch_for_cpus_is_well_and_says_that_a_gpu_would_be_there(driver):
    line = libraries.gpu(torch(cuda=None))
    assert not line.cure and ("driver" in line.found) == driver


def test_a_driver_that_does_not_fit_is_to_be_mended(driver, monkeypatch):
    assert bool(libraries.gpu(torch()).cure) == driver
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    assert not libraries.gpu(torch()).cure


def test_a_card_that_refuses_does_not_count_against_torch(monkeypatch):
    def full(*_: object, **__: object) -> None:
        raise RuntimeError("CUDA out of memory")

    broken = torch(cards=1)
    broken.zeros, broken.get_num_threads = full, lambda: 2
    monkeypatch.setitem(sys.modules, "torch", broken)
    well, card = libraries.torch("torch")
    assert (well.name, well.cure) == ("torch", "")
    assert card.name == "gpu" and "out of memory" in card.found and "nvidia-smi" in card.cure
