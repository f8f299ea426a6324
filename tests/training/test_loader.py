"""Batches read in advance: the same from any number of workers, and no process left behind."""

from __future__ import annotations

import contextlib
import itertools
import multiprocessing
import os
import pickle
import signal
import subprocess
import sys

import psutil
import pytest
import tiny_corpus
import torch
from places import ROOT

from rjcma.problem import Problem
from rjcma.training import batches as batching
from rjcma.training import loader as loading
from rjcma.training.batches import batches
from rjcma.training.loader import Loader, default_workers
from rjcma.training.windows import ClipWindow, Windows, fixed

CPU = torch.device("cpu")
FRAMES = 11
NAMES = ("anna", "bert", "cleo")


def groups_of(clips, size=3):
    windows = Windows(frames=FRAMES, stride=5)
    all_windows = [
        ClipWindow(data.clip.name, *window)
        for data in clips
        for window in fixed(data.clip.frames, windows)
    ]
    return list(batches(all_windows, size))


def batch(windows, clips):
    return batching.batch(windows, {data.clip.name: data for data in clips}, FRAMES)


def content(loaded):
    tensors = [(t.dtype, t.shape, t.numpy().tobytes()) for t in loaded.tensors()]
    return list(loaded.rows), loaded.spans, loaded.lengths, tensors


@pytest.fixture
def root(tmp_path):
    tiny_corpus.write(tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """Clips, and a loader with two workers that several tests use one after another."""
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    clips = tiny_corpus.opened(path, NAMES)
    with Loader(clips, FRAMES, CPU, workers=2) as loader:
        yield clips, loader


def test_batches_are_the_same_bytes_from_any_number_of_workers(world):
    clips, two = world
    groups = groups_of(clips)
    expected = [content(batch(group, clips)) for group in groups]
    with Loader(clips, FRAMES, CPU, workers=0) as none:
        assert [content(loaded) for loaded in none.load(groups)] == expected
    assert [content(loaded) for loaded in two.load(groups)] == expected
    assert [content(loaded) for loaded in two.load(groups[::-1])] == expected[::-1]


def test_an_abandoned_load_does_not_affect_the_next(world):
    clips, loader = world
    groups = groups_of(clips, size=1)
    for loaded in loader.load(groups):
        assert content(loaded) == content(batch(groups[0], clips))
        break
    with pytest.raises(ZeroDivisionError):
        for _ in loader.load(groups):
            raise ZeroDivisionError
    last = [content(loaded) for loaded in loader.load(groups[-2:])]
    assert last == [content(batch(group, clips)) for group in groups[-2:]]


@pytest.mark.parametrize("workers", [0, 2])
def test_a_load_ends_when_another_begins(world, workers):
    clips, two = world
    groups = groups_of(clips, size=1)
    loader = two if workers else Loader(clips, FRAMES, CPU, workers=0)
    earlier = loader.load(groups)
    next(earlier)
    assert len(list(loader.load(groups[:2]))) == 2
    with pytest.raises(RuntimeError, match="ended when another began"):
        next(earlier)


def test_no_groups_are_no_batches(world):
    assert list(world[1].load([])) == []


def test_loading_draws_nothing_from_the_generator_of_dropout(world):
    clips, two = world
    before = torch.get_rng_state()
    for loader in (two, Loader(clips, FRAMES, CPU, workers=0)):
        list(loader.load(groups_of(clips)))
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.parametrize("workers", [0, 1])
def test_a_damaged_file_is_one_line_from_any_process(root, workers):
    clips = tiny_corpus.opened(root, NAMES)
    damaged, before = clips[2].readers["audio"], set(multiprocessing.active_children())
    damaged.close()
    damaged.path.write_bytes(damaged.path.read_bytes()[:1000])
    groups = groups_of(clips, size=1)
    with Loader(clips, FRAMES, CPU, workers) as loader:
        with pytest.raises(
            Problem, match=r"^clip cleo: .*cleo.h5: found unreadable HDF5"
        ) as caught:
            list(loader.load(groups))
        assert len(str(caught.value).splitlines()) == 1
        assert len(list(loader.load(groups[:2]))) == 2
    assert set(multiprocessing.active_children()) == before


def test_a_killed_worker_is_reported(root):
    clips = tiny_corpus.opened(root, ["anna"])
    groups, before = groups_of(clips, size=1) * 20, set(multiprocessing.active_children())
    with Loader(clips, FRAMES, CPU, workers=1) as loader:
        received = loader.load(groups)
        next(received)
        [worker] = set(multiprocessing.active_children()) - before
        os.kill(worker.pid, signal.SIGKILL)
        with pytest.raises(Problem, match=r"no longer answers .* RJCMA_LOADERS=0"):
            list(received)


KILLED = """
import os, signal, sys
from pathlib import Path
import tiny_corpus, torch
from rjcma.training.loader import Loader
from rjcma.training.windows import ClipWindow

if __name__ == "__main__":
    clips = tiny_corpus.opened(Path(sys.argv[1]), ["anna"])
    loader = Loader(clips, 11, torch.device("cpu"), workers=2)
    batches = loader.load([[ClipWindow("anna", 0, 5)]] * 9)
    next(batches)
    print(flush=True)
    sys.stdin.read()
"""


def test_a_killed_training_process_leaves_no_process_behind(root):
    script = root / "killed.py"
    script.write_text(KILLED)
    path = os.pathsep.join([str(ROOT), str(ROOT / "tests/helpers")])
    environment = {**os.environ, "PYTHONPATH": path}
    command = [sys.executable, str(script), str(root)]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(command, env=environment, **pipes) as training:
        training.stdout.readline()
        started = psutil.Process(training.pid).children(recursive=True)
        training.kill()
    gone, alive = psutil.wait_procs(started, timeout=60)
    assert len(gone) >= 2 and not alive


def test_a_closed_loader_refuses_to_load(world):
    clips, _ = world
    loader = Loader(clips, FRAMES, CPU, workers=0)
    earlier = loader.load(groups_of(clips))
    loader.close()
    with pytest.raises(RuntimeError, match="closed"):
        next(earlier)
    with pytest.raises(RuntimeError, match="closed"):
        loader.load([])


def test_the_time_waited_is_that_between_asking_and_getting(world, monkeypatch):
    clips, _ = world
    clock = itertools.count()
    monkeypatch.setattr(loading.time, "perf_counter", lambda: float(next(clock)))
    loader = Loader(clips, FRAMES, CPU, workers=0)
    taken = 0
    for _ in loader.load(groups_of(clips)):
        taken += 1
        next(clock), next(clock)  # the time between two batches does not count
        assert loader.waited == taken
    assert loader.waited == taken + 1  # one more wait, to learn that there are no more batches


@pytest.mark.parametrize(
    ("cores", "trainers", "expected"), [(1, 1, 0), (3, 1, 2), (16, 1, 4), (16, 8, 1)]
)
def test_a_gpu_has_a_few_workers_and_leaves_the_trainer_a_core(
    monkeypatch, cores, trainers, expected
):
    monkeypatch.delenv("RJCMA_LOADERS", raising=False)
    monkeypatch.setenv("LOCAL_WORLD_SIZE", str(trainers))
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    assert default_workers(torch.device("cuda")) == expected
    assert default_workers(CPU) == 0


def test_the_number_of_workers_is_the_environments(monkeypatch):
    monkeypatch.setenv("RJCMA_LOADERS", "3")
    assert default_workers(CPU) == default_workers(torch.device("cuda")) == 3
    for wrong in ("two", "-1", "1.5"):
        monkeypatch.setenv("RJCMA_LOADERS", wrong)
        with pytest.raises(Problem, match=r"RJCMA_LOADERS: found '.*'; expected a whole number"):
            default_workers(CPU)


def test_a_copy_to_a_gpu_begins_before_the_batch_ahead_of_it_is_handed_over(monkeypatch):
    """The order of work, with stand-ins for CUDA's streams; see below for a real GPU."""
    log = []

    class Stream:
        def record_event(self):
            return log[-1].replace("copy", "end of copy")

        def wait_event(self, event):
            log.append(f"wait for {event}")

    class Sent(str):
        def to(self, device):
            log.append(f"copy {self}")
            return self

        def tensors(self):
            return [self]

        def record_stream(self, stream):
            log.append(f"keep {self}")

    monkeypatch.setattr(torch.cuda, "Stream", lambda device: Stream())
    monkeypatch.setattr(torch.cuda, "stream", lambda stream: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "current_stream", lambda device: Stream())
    copies = loading._Copies(torch.device("cuda"))
    for loaded in copies.ahead(iter([Sent("a"), Sent("b"), Sent("c")])):
        log.append(f"step {loaded}")
    assert log == [
        *("copy a", "copy b", "wait for end of copy a", "keep a", "step a"),
        *("copy c", "wait for end of copy b", "keep b", "step b"),
        *("wait for end of copy c", "keep c", "step c"),
    ]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="there is no GPU here")
def test_batches_on_a_gpu_hold_the_same_values(world):
    clips, _ = world
    groups = groups_of(clips)
    with Loader(clips, FRAMES, torch.device("cuda"), workers=2) as loader:
        arrived = [loaded.to(CPU) for loaded in loader.load(groups)]
    assert [content(loaded) for loaded in arrived] == [content(batch(g, clips)) for g in groups]


def test_workers_receive_only_the_names_and_positions_of_windows(world):
    _, loader = world
    list(loader.load([[ClipWindow("cleo", 3, 7), ClipWindow("anna", 0, 5)]]))
    assert loader._groups == [[("cleo", 3, 7), ("anna", 0, 5)]]
    assert len(pickle.dumps(loader._groups)) < 150
