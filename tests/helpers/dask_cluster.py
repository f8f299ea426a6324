"""A Dask scheduler and its workers, as processes of this machine."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

from places import ROOT

HELPERS = ROOT / "tests/helpers"


class Cluster:
    """A scheduler on the loopback device; its files are in `folder`."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.file = folder, folder / "scheduler.json"
        self.workers: list[subprocess.Popen[bytes]] = []
        self.scheduler = self._start("scheduler", "--host", "127.0.0.1", "--port", "0")
        while not self.file.is_file():
            assert self.scheduler.poll() is None, (folder / "scheduler.log").read_text()
            time.sleep(0.05)

    def add_worker(self, package: Path = ROOT) -> subprocess.Popen[bytes]:
        """Start a worker whose `rjcma` is in the folder `package`."""
        options = ("--nthreads", "1", "--local-directory", str(self.folder))
        self.workers.append(self._start("worker", *options, package=package))
        return self.workers[-1]

    def end(self) -> None:
        """End all processes."""
        for process in (*self.workers, self.scheduler):
            process.terminate()
        for process in (*self.workers, self.scheduler):
            process.wait()

    def _start(self, what: str, *options: str, package: Path = ROOT) -> subprocess.Popen[bytes]:
        path = os.pathsep.join(map(str, (package, HELPERS)))
        command = [sys.executable, "-m", "dask", what, "--scheduler-file", str(self.file)]
        with (self.folder / f"{what}.log").open("ab") as log:
            return subprocess.Popen(
                [*command, "--no-dashboard", *options],
                cwd=self.folder,
                env={**os.environ, "PYTHONPATH": path},
                stdout=log,
                stderr=log,
            )
