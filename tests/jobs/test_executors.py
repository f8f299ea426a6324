"""Workers that die, and the executors that RJCMA_EXECUTOR names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import threading
import time
from concurrent.futures import BrokenExecutor, CancelledError, Future

import dask_cluster
import deadly
import psutil
import pytest
from distributed import KilledWorker
from places import ROOT

from rjcma.jobs import on_dask, on_slurm, workers
from rjcma.jobs.executors import Elsewhere
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.remote import Cluster, session
from rjcma.jobs.work import run
from rjcma.jobs.workers import Needs
from rjcma.problem import Problem, Problems


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The current folder is empty: sessions and logs of executors lie in it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RJCMA_WORKERS", "2")
    return tmp_path


def made(here, texts, **other):
    """Do the work over `texts`; -> how it was called."""
    log = here / "log"
    log.unlink(missing_ok=True)
    try:
        run(deadly.work(here / "out", log, texts, **other))
    finally:
        calls = deadly.calls(log)
    return calls


def contents(folder):
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def test_a_job_whose_worker_dies_once_is_done_by_another(here):
    texts = {"a": "once", **deadly.TEXTS}
    assert made(here, texts) == sorted(["once", *texts.values()])
    assert (here / "out/a.txt").read_text() == "ONCE"
    assert made(here, texts) == []


def test_a_job_that_kills_each_worker_fails_alone(here):
    texts = {"a": "dies", **deadly.TEXTS, "z": "dies", "zz": "bad"}
    with pytest.raises(Problems) as caught:
        made(here, texts)
    lines = str(caught.value).splitlines()
    assert [line.split(":")[0] for line in lines] == ["clip a", "clip bad", "clip z"]
    assert "RJCMA_WORKERS=1" in lines[0]
    assert deadly.calls(here / "log") == sorted([*texts.values(), "dies", "dies"])
    assert set(contents(here / "out")) == {
        ".keys",
        ".failed",
        *(f"{name}.txt" for name in deadly.TEXTS),
    }
    assert made(here, deadly.TEXTS) == []


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """A Dask scheduler with two workers."""
    cluster = dask_cluster.Cluster(tmp_path_factory.mktemp("dask"))
    cluster.add_worker()
    cluster.add_worker()
    yield cluster
    cluster.end()


@pytest.fixture
def dask(cluster, monkeypatch):
    monkeypatch.setenv("RJCMA_EXECUTOR", f"dask:{cluster.file}")
    return cluster


def test_workers_of_dask_make_the_same_bytes_as_this_machine(here, dask, monkeypatch):
    texts = {"a": "dies", "b": "once", "c": "bad", **deadly.TEXTS}
    with pytest.raises(Problems) as elsewhere:
        made(here, texts)
    calls, there = deadly.calls(here / "log"), contents(here / "out")
    assert calls == sorted([*texts.values(), "dies", "once"])
    shutil.rmtree(here / "out")
    monkeypatch.delenv("RJCMA_EXECUTOR")
    with pytest.raises(Problems) as local:
        made(here, texts)
    assert str(elsewhere.value) == str(local.value)
    assert contents(here / "out") == there and deadly.calls(here / "log") == calls


def test_a_worker_of_dask_that_is_lost_costs_no_clip(here, dask):
    dask.add_worker()
    texts = {"a": "fatal once", **deadly.TEXTS}
    assert made(here, texts) == sorted(["fatal once", *texts.values()])


PROGRAM = """
import deadly
from pathlib import Path
from rjcma.command import problems_as_lines
from rjcma.jobs.work import run
from rjcma.jobs.workers import Needs
if __name__ == "__main__":
    with problems_as_lines():
        run(deadly.work(Path("out"), Path("log"), deadly.TEXTS))
"""


def run_as(package, here):
    """Do the work with the `rjcma` of a folder -> exit status and what was printed."""
    (here / "program.py").write_text(PROGRAM)
    path = os.pathsep.join(map(str, (package, dask_cluster.HELPERS)))
    done = subprocess.run(
        [sys.executable, "program.py"],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    return done.returncode, done.stderr


def test_a_worker_of_another_version_is_refused_and_edited_code_is_loaded_anew(
    here, tmp_path_factory, monkeypatch
):
    other = tmp_path_factory.mktemp("other")
    shutil.copytree(ROOT / "rjcma", other / "rjcma")
    cluster = dask_cluster.Cluster(tmp_path_factory.mktemp("dask"))
    monkeypatch.setenv("RJCMA_EXECUTOR", f"dask:{cluster.file}")
    try:
        cluster.add_worker(other)
        assert run_as(other, here)[0] == 0
        with (other / "rjcma/timeline.py").open("a") as file:
            file.write("\nADDED = 1\n")
        (here / "out").rename(here / "before")
        status, printed = run_as(ROOT, here)
        assert status == 1 and "Traceback" not in printed, printed
        assert re.search("worker .*: found code of rjcma .* expected code of rjcma", printed)
        assert not list((here / "out").glob("*.txt"))
        assert run_as(other, here)[0] == 0
    finally:
        cluster.end()
    assert contents(here / "out") == contents(here / "before")


def test_what_was_finished_is_kept_if_the_scheduler_is_lost(here, tmp_path_factory, monkeypatch):
    cluster = dask_cluster.Cluster(tmp_path_factory.mktemp("dask"))
    worker = cluster.add_worker()
    monkeypatch.setenv("RJCMA_EXECUTOR", f"dask:{cluster.file}")
    killer = threading.Thread(target=kill_when_last, args=(cluster.scheduler, here))
    killer.start()
    try:
        with pytest.raises(Problem, match=r"no scheduler any more.*what was finished is kept"):
            made(here, {**deadly.TEXTS, "z": "waits"})
        killer.join()
        [child] = psutil.Process(worker.pid).children(recursive=True)[-1:]
        child.wait(60)  # nobody goes on with a job that nobody waits for
    finally:
        cluster.end()
    monkeypatch.delenv("RJCMA_EXECUTOR")
    assert made(here, {**deadly.TEXTS, "z": "zoo"}) == ["zoo"]


def kill_when_last(process, here):
    """Kill a process as soon as the job `waits` has begun, and all others are in the ledger."""
    while "waits" not in deadly.calls(here / "log"):
        time.sleep(0.05)
    while len(Ledger(here / "out").entries) < len(deadly.TEXTS):
        time.sleep(0.05)
    process.kill()


def test_what_goes_wrong_before_a_job_is_a_problem_or_a_death(here):
    found = {}
    for error in (ModuleNotFoundError("no rjcma"), CancelledError(), KilledWorker("a", "b", 3)):
        answer = Future()
        answer.set_exception(error)
        cluster = Cluster(lambda *_, answer=answer: answer, (KilledWorker,))
        with session("work", Needs()) as begun:
            found[type(error)] = Elsewhere(begun, cluster).submit(print).exception()
    assert isinstance(found[ModuleNotFoundError], Problem)
    assert "ModuleNotFoundError in a worker" in str(found[ModuleNotFoundError])
    assert isinstance(found[CancelledError], Problem)
    assert isinstance(found[KilledWorker], BrokenExecutor)


@pytest.mark.parametrize("chosen", ["dask", "dsak://127.0.0.1:8786", "slurm.yaml"])
def test_an_executor_that_is_none_is_a_problem(here, monkeypatch, chosen):
    monkeypatch.setenv("RJCMA_EXECUTOR", chosen)
    with pytest.raises(Problem, match=r"RJCMA_EXECUTOR: found .* expected dask://HOST:PORT"):
        made(here, deadly.TEXTS)


WHERE = ["//127.0.0.1:1", "none.json", "tcp://127.0.0.1:1", "//nowhere:1", "//127.0.0.1", "///"]
WHERE += ["foo://x", "tls://127.0.0.1:1", "empty.json"]


@pytest.mark.parametrize("where", WHERE)
def test_a_scheduler_that_is_not_there_is_a_problem(here, monkeypatch, where):
    monkeypatch.setattr(on_dask, "CONNECT", 0.5)
    clients = []
    monkeypatch.setattr(on_dask, "Client", clients.append)
    (here / "empty.json").write_text("{}")
    monkeypatch.setenv("RJCMA_EXECUTOR", f"dask:{where}")
    with pytest.raises(Problem, match="expected the address or the file of a Dask scheduler"):
        made(here, deadly.TEXTS)
    assert not clients  # one that fails waits for 40 s when it is deleted


@pytest.mark.parametrize("chosen, library", [("dask://x:1", "distributed"), ("slurm", "submitit")])
def test_an_executor_whose_library_is_not_installed_is_a_problem(
    here, monkeypatch, chosen, library
):
    monkeypatch.setenv("RJCMA_EXECUTOR", chosen)
    for module in ("rjcma.jobs.on_dask", "rjcma.jobs.on_slurm"):
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(Problem, match=f"found no library {library}"):
        made(here, deadly.TEXTS)


def test_jobs_of_submitit_make_the_same_bytes_as_this_machine(here, monkeypatch):
    (here / "options.yaml").write_text("cluster: local\ntimeout_min: 5\n")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(str, (ROOT, dask_cluster.HELPERS))))
    monkeypatch.setenv("RJCMA_EXECUTOR", "slurm:options.yaml")
    monkeypatch.setattr(on_slurm, "GRACE", 1.0)
    monkeypatch.setattr(on_slurm, "EVERY", 0.1)
    texts = {"a": "dies", "b": "once", "c": "bad", "d": "dog"}
    with pytest.raises(Problems) as elsewhere:
        made(here, texts)
    there = contents(here / "out")
    shutil.rmtree(here / "out")
    monkeypatch.delenv("RJCMA_EXECUTOR")
    with pytest.raises(Problems) as local:
        made(here, texts)
    assert str(elsewhere.value) == str(local.value)
    assert contents(here / "out") == there


@pytest.mark.parametrize(
    "content, found",
    [
        (None, "No such file"),
        ("cluster: local\ngpuz: 1\n", "gpuz"),
        ("- 1\n", "a list"),
        ("a: [\n", "expected"),
        ("cluster: nowhere\n", "nowhere"),
    ],
)
def test_wrong_options_of_slurm_are_a_problem(here, monkeypatch, content, found):
    if content is not None:
        (here / "options.yaml").write_text(content)
    monkeypatch.setenv("RJCMA_EXECUTOR", "slurm:options.yaml")
    with pytest.raises(Problem, match=f"options.yaml: found .*{found}"):
        made(here, deadly.TEXTS)


def test_a_machine_without_slurm_is_a_problem(here, monkeypatch):
    monkeypatch.setenv("RJCMA_EXECUTOR", "slurm")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(Problem, match="Slurm"):
        made(here, deadly.TEXTS)


def test_no_more_workers_are_started_than_there_is_memory_for(monkeypatch):
    monkeypatch.delenv("RJCMA_WORKERS")
    monkeypatch.setattr(workers, "core_count", lambda: 16)
    available = psutil.virtual_memory()._replace(available=10 * 2**30)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: available)
    assert workers.room(Needs(memory=2**30)) == 10
    assert workers.room(Needs(memory=3 * 2**30)) == 3
    assert workers.room(Needs(memory=11 * 2**30)) == 1
    assert workers.room(Needs(memory=2**30, cores=4)) == 4
    assert workers.room(Needs(memory=2**30, cores=None)) == 1
    monkeypatch.setenv("RJCMA_WORKERS", "12")
    assert workers.room(Needs(memory=3 * 2**30)) == 12


def gpu_of_worker(out):
    out.write_text(os.environ.get("CUDA_VISIBLE_DEVICES", "all"))
    time.sleep(0.2)


def test_each_worker_has_a_gpu_of_its_own(here, monkeypatch):
    monkeypatch.setattr(workers, "gpus", lambda: ["0", "2", "3"])
    monkeypatch.delenv("RJCMA_WORKERS")
    with workers.executor("processes", 9, Needs(device="auto")) as pool:
        list(pool.map(gpu_of_worker, [here / str(n) for n in range(9)]))
    found = [(here / str(n)).read_text() for n in range(9)]
    assert set(found) == {"0", "2", "3"}


@pytest.mark.parametrize(("device", "count"), [("auto", 3), ("cuda", 3), ("cuda:1", 1), ("cpu", 5)])
def test_a_gpu_that_is_named_has_one_worker_which_finds_it_by_its_name(
    device, count, here, monkeypatch
):
    monkeypatch.setattr(workers, "gpus", lambda: ["0", "2", "3"])
    monkeypatch.setattr(workers, "core_count", lambda: 5)
    monkeypatch.delenv("RJCMA_WORKERS")
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert workers.room(Needs(memory=1, device=device)) == count
    with workers.executor("processes", 1, Needs(device=device)) as pool:
        list(pool.map(gpu_of_worker, [here / "gpu"]))
    assert (here / "gpu").read_text() == ("all" if device in ("cuda:1", "cpu") else "0")


def test_workers_end_with_the_program_that_started_them(here):
    script = here / "program.py"
    script.write_text(PROGRAM.replace("deadly.TEXTS", '{"a": "waits"}'))
    path = os.pathsep.join(map(str, (ROOT, dask_cluster.HELPERS)))
    program = subprocess.Popen([sys.executable, script], env={**os.environ, "PYTHONPATH": path})
    while not deadly.calls(here / "log"):
        time.sleep(0.05)
    workers = psutil.Process(program.pid).children(recursive=True)
    program.kill()
    gone, alive = psutil.wait_procs(workers, timeout=60)
    assert gone and not alive
