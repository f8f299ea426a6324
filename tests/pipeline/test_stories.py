"""The commands of the documents, run as they stand: each block in a project of its own.

A block marked `sh` is run here, in a copy of a tiny project in which the pipeline has run. `PLACES`
has what a reader would have in the place of its paths and names. A command that cannot be run so
is in `ELSEWHERE`, with the test or the line of `.ci/run` that runs it.
"""

from __future__ import annotations

import os
import shutil
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pages import PAGES, Block, blocks
from places import ROOT
from project import TINY, Project
from ruamel.yaml import YAML

SHELL = [block for page in PAGES for block in blocks(page) if block.language == "sh"]

ELSEWHERE = {
    "make repro": ".ci/run: make repro",
    "make test": ".ci/run: make test",
    "rjcma models fetch vosk-en-us vggish": "tests/models/test_command.py: "
    "test_a_fetched_model_is_one_that_the_pipeline_takes",
    "rjcma submission": "tests/test_cli.py: "
    "test_the_submission_is_written_from_the_runs_that_the_pipeline_trained",
    'pip install -c requirements.lock "dvc[ssh]"': ".ci/run: --dry-run -c requirements.lock",
    'pip install -c requirements.lock "dvc[s3]"': ".ci/run: --dry-run -c requirements.lock",
}
"""By command, the file that runs it, and a line of this file or the name of a test in it."""

SHARED = Path(os.environ.get("RJCMA_SHARED", ""))
MODEL = SHARED / "models/face_detection_yunet_2026may.onnx"
YUNET = "models/face_detection_yunet.onnx"

SBATCH = f"""#!{sys.executable}
import os, subprocess, sys
array, wrap = sys.argv[1].removeprefix("--array="), sys.argv[3]
first, last = map(int, array.split("-"))
for task in range(first, last + 1):
    ids = {{"ID": task, "MIN": first, "MAX": last, "COUNT": last - first + 1, "STEP": 1}}
    variables = {{f"SLURM_ARRAY_TASK_{{key}}": str(value) for key, value in ids.items()}}
    subprocess.run(["bash", "-c", wrap], env={{**os.environ, **variables}}, check=True)
"""
"""In the place of Slurm's: the tasks of a job array, one after another on this machine."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A project in which the whole pipeline has run once; tests do not change it."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.edit(recursions=1, training={"epochs": 1}, corpus={"folds": 2}, **TINY)
    project.run("git", "commit", "-qam", "tiny params")
    project.run("dvc", "repro")
    return project


class Reader:
    """Who types the commands of a block in a copy of the project."""

    def __init__(self, folder: Path, whole: Project) -> None:
        self.folder, self.project = folder, Project(folder / "project", copied=whole)
        self.places = {
            "/data/mine": str(folder / "mine"),
            "/mnt/lab": str(folder / "lab"),
            "/shared": str(folder),
            "chgrp lab": f"chgrp {os.getgid()}",
            "VIDEO...": str(next((self.project.folder / "data/sample/videos").iterdir())),
        }
        self._running: list[subprocess.Popen[bytes]] = []
        programs = {"rjcma": f'#!/bin/sh\nexec {sys.executable} -m rjcma.cli "$@"\n'}
        for name, text in {**programs, "sbatch": SBATCH}.items():
            (folder / "bin").mkdir(exist_ok=True)
            (folder / "bin" / name).write_text(text)
            (folder / "bin" / name).chmod(stat.S_IRWXU)
        (self.project.folder / ".venv").symlink_to(sys.prefix)

    def type(self, command: str) -> None:
        """Run a command of a document. What serves others (Dask's) goes on while others run."""
        for name, place in self.places.items():
            command = command.replace(name, place)
        line = ["env", f"PATH={self.folder / 'bin'}:{self._path()}", "bash", "-c", command]
        line[1:1] = [f"PYTHONPATH={self.project.folder}"]
        if "dask scheduler" in command or "dask worker" in command:
            log = (self.folder / "dask.log").open("ab")
            self._running.append(
                subprocess.Popen(
                    line, cwd=self.project.folder, stdout=log, stderr=log, start_new_session=True
                )
            )
        else:
            print(self.project.run(*line))

    def end(self) -> None:
        """End what still runs."""
        for process in self._running:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()

    @staticmethod
    def _path() -> str:
        return f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


def a_corpus(reader: Reader) -> None:
    """Videos and ratings, in the form of RECOLA."""
    maker = Project(reader.folder / "maker", copied=reader.project)
    videos = ["21-25-480x270", "28-30-480x270"]
    maker.edit(sample={"layout": "recola", "videos": videos}, corpus={"root": "../mine"})
    maker.run("python", "-m", "stages.sample")
    (reader.folder / "mine/clips.csv").unlink()
    shutil.rmtree(maker.folder)


def an_origin(reader: Reader) -> None:
    """A repository to push to, with the project on its branch main; and the folder of the lab."""
    (reader.folder / "lab").mkdir()
    run = reader.project.run
    run("git", "branch", "-M", "main")
    run("git", "init", "-q", "--bare", str(reader.folder / "origin"))
    run("git", "remote", "add", "origin", str(reader.folder / "origin"))
    run("git", "push", "-q", "-u", "origin", "main")


def a_conflict(reader: Reader) -> None:
    """An edited `dvc.lock`, where the others have another."""
    reader.project.run("git", "add", "dvc.lock")
    reader.project.run("git", "commit", "-qm", "results")
    an_origin(reader)
    lock = reader.project.folder / "dvc.lock"
    lock.write_text(f"<<<<<<< HEAD\n{lock.read_text()}")


def two_rows(reader: Reader, name: str) -> None:
    """A small ablation in place of a large one."""
    rows = [{"name": f"l = {count}", "set": {"recursions": count}} for count in (1, 2)]
    tables = {"recursions": {"about": "-", "reference": "l = 1", "rows": rows}}
    ablation = {"seeds": [1], "base": {}, "tables": tables}
    YAML().dump(ablation, reader.project.folder / f"ablation/{name}.yaml")


def a_small_profile(reader: Reader) -> None:
    """A sample as small as the project's, in the place of the large one."""
    shutil.copy(reader.project.folder / "params.yaml", reader.project.folder / "params/power.yaml")
    two_rows(reader, "power")


def an_ablation(reader: Reader) -> None:
    """The report of a small ablation, on more than one video."""
    two_rows(reader, "rows")
    reader.project.edit(runs={"folds": [0, 1]})
    reader.project.run("dvc", "repro", "ablation/dvc.yaml")


def work_to_do(reader: Reader) -> None:
    """Words and runs are missing; the ablation is small; Slurm's jobs are processes here."""
    data = reader.project.folder / "data"
    for name in ("words", "runs"):
        shutil.rmtree(data / name)
    two_rows(reader, "rows")
    (reader.project.folder / ".rjcma").mkdir(exist_ok=True)
    (reader.project.folder / ".rjcma/slurm.yaml").write_text("cluster: local\n")


def the_model(reader: Reader) -> None:
    """The model of YuNet."""
    if not MODEL.is_file():
        pytest.skip("needs the model of YuNet (RJCMA_SHARED)")
    shutil.copy(MODEL, reader.project.folder / YUNET)


def a_lab(reader: Reader) -> None:
    """The folder of a lab that has the published file of YuNet."""
    if not MODEL.is_file():
        pytest.skip("needs the model of YuNet (RJCMA_SHARED)")
    (reader.folder / "lab/models").mkdir(parents=True)
    shutil.copy(MODEL, reader.folder / "lab/models")


PREPARED: dict[str, Callable[[Reader], None]] = {
    "rjcma corpus init": a_corpus,
    "rjcma faces": the_model,
    "RJCMA_MODELS=": a_lab,
    "git push": an_origin,
    "git checkout origin/main": a_conflict,
    "rjcma make": work_to_do,
    "cp params/power.yaml": a_small_profile,
    "rjcma power": an_ablation,
}
"""What a block needs that has a command that begins so, or contains it."""


@pytest.fixture
def reader(whole, tmp_path):
    reader = Reader(tmp_path, whole)
    yield reader
    reader.end()


def numbered(found: list[Block]) -> list[Any]:
    names = [f"{block.name} {number}" for number, block in enumerate(found)]
    return [pytest.param(block, id=name) for block, name in zip(found, names)]


@pytest.mark.long
@pytest.mark.parametrize("block", numbered(SHELL))
def test_the_commands_of_a_block_work_one_after_another(reader, block):
    for begin, prepare in PREPARED.items():
        if any(begin in command for command in block.commands()):
            prepare(reader)
    for command in block.commands():
        if command not in ELSEWHERE:
            reader.type(command)


@pytest.mark.parametrize("command", ELSEWHERE)
def test_a_command_that_is_not_run_here_is_run_elsewhere(command):
    path, _, line = ELSEWHERE[command].partition(": ")
    assert line in (ROOT / path).read_text()
    assert command in {typed for block in SHELL for typed in block.commands()}
