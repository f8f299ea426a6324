"""A copy of the project with its own params, to run with git and DVC as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

from places import ROOT
from ruamel.yaml import YAML

from benchmarks.measuring import edit_params

TINY = {
    "sample": {"seed": 1, "length": 0.3, "videos": ["21-25-480x270", "28-30-480x270", "131"]},
    "windows": {"frames": 31, "stride": 23, "offsets": "random"},
    "runs": {"targets": ["valence", "arousal"], "folds": [0]},
}
"""Params with which the pipeline takes seconds."""

WHO = ("NAME", "EMAIL")


class Project:
    """A copy of the project, with git and DVC and its own params."""

    def __init__(
        self, folder: Path, copied: Project | None = None, cloned: Project | None = None
    ) -> None:
        """The project in an empty folder, a copy of another with all outputs, or git's clone."""
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        if cloned is not None:
            self.run("git", "clone", "-q", str(cloned.folder), ".")
            return
        if copied is not None:
            shutil.copytree(copied.folder, folder, dirs_exist_ok=True, symlinks=True)
            return
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=True,
        )
        for name in filter(None, listed.stdout.split("\0")):
            if (ROOT / name).is_file():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(ROOT / name, folder / name)
        (folder / "dvc.lock").unlink(missing_ok=True)
        for command in ("git init -q", "git add -A", "git commit -q -m tiny"):
            self.run(*command.split())

    def edit(self, **sections: object) -> None:
        """Give keys of params.yaml other values; a dictionary changes only its own keys."""
        edit_params(self.folder, sections)

    def replace(self, **sections: object) -> None:
        """Give params.yaml other sections; keys that a new section does not name are gone."""
        path, yaml = self.folder / "params.yaml", YAML()
        params = yaml.load(path)
        params.update(sections)
        yaml.dump(params, path)

    def run(self, *command: str, ok: bool = True) -> str:
        """Run a command; -> what it printed. Its exit status must be 0, or another if not `ok`."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        who = {f"GIT_{role}_{key}": "a@b" for role in ("AUTHOR", "COMMITTER") for key in WHO}
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={**os.environ, **who, "PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert (done.returncode == 0) == ok, done.stdout
        return done.stdout

    def ran(self, *command: str) -> list[str]:
        """The stages that a DVC command ran."""
        lines = self.run(*command).splitlines()
        return [line.split("'")[1] for line in lines if line.startswith("Running stage")]

    def why(self, *command: str) -> dict[str, str]:
        """What the stages that a DVC command ran printed about their files, by folder."""
        lines = self.run(*command).splitlines()
        return dict(line.split(": ", 1) for line in lines if " in all, " in line)

    def outputs(self) -> dict[str, bytes]:
        files = (path for path in (self.folder / "data").rglob("*") if path.is_file())
        return {str(path.relative_to(self.folder)): path.read_bytes() for path in files}
