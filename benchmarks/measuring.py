"""Run commands and measure what they cost."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

PATH = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
"""So that DVC and the stages are those of this Python."""

# A small process of its own: a child's greatest memory is at least that of the process that forked
# it.
MEASURE = """
import json, resource, subprocess, sys, time
began = time.perf_counter()
status = subprocess.run(sys.argv[2:], stderr=subprocess.STDOUT).returncode
seconds = time.perf_counter() - began
used = resource.getrusage(resource.RUSAGE_CHILDREN)
with open(sys.argv[1], "w") as file:
    json.dump([status, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024], file)
"""


class Cost(NamedTuple):
    """What a command, and all that it started, cost."""

    seconds: float
    processor: float
    """Seconds, of all processes together."""
    mebibytes: float
    """Of the largest process."""
    printed: str


def edit_params(clone: Path, sections: Mapping[str, Any]) -> None:
    """Set params of a clone: of a section those that are named, others as a whole."""
    path, yaml = clone / "params.yaml", YAML()
    params = yaml.load(path)
    for name, value in sections.items():
        if isinstance(value, Mapping):
            params[name].update(value)
        else:
            params[name] = value
    yaml.dump(params, path)


def cost(command: Sequence[str], folder: Path, **variables: str) -> Cost:
    """Run a command in a folder, with these environment variables besides the current ones.

    Exits with what the command printed if it fails.
    """
    environment: Mapping[str, str] = {**os.environ, "PATH": PATH, **variables}
    with tempfile.TemporaryDirectory() as temporary:
        result = Path(temporary) / "result"
        run = [sys.executable, "-S", "-c", MEASURE, str(result), *command]
        done = subprocess.run(run, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True)
        status, *numbers = json.loads(result.read_text()) if done.returncode == 0 else [1]
    if status:
        sys.exit(f"{' '.join(command)} failed or was killed:\n{done.stdout}")
    return Cost(*numbers, done.stdout)
