"""Looks at everything at once, in processes that may fail, and prints a line for each thing.

Only Python's own library is imported here. What needs more is asked of other processes, side by
side: one that crashes, hangs or lacks a package is a line, and the others still answer.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rjcma.doctor import machine, remote
from rjcma.doctor.line import Line

PATIENCE = 60.0
"""Seconds that a process may take: a disk that is slow, a model that is read for the first time."""

USAGE = """usage: rjcma doctor [PARAMS]

Say what is missing here, and what to do: the interpreter, the packages, the devices, the models
and the corpus that PARAMS (else params.yaml) names, the DVC remote, disk and memory. Exit status 1
if there is something to do."""


class Question(NamedTuple):
    """What another process is asked."""

    name: str
    module: str
    arguments: tuple[str, ...]


def main(arguments: Sequence[str] = tuple(sys.argv[1:])) -> None:
    """The command: print the lines; exit with status 1 if there is something to do."""
    if any(word.startswith("-") for word in arguments) or len(arguments) > 1:
        wanted = set(arguments) <= {"-h", "--help"}
        print(USAGE, file=sys.stdout if wanted else sys.stderr)
        sys.exit(0 if wanted else 2)
    lines = examine(Path.cwd(), Path(*arguments or ("params.yaml",)))
    for line in lines:
        print(line.text())
    to_do = sum(bool(line.cure) for line in lines)
    print(f"\n{to_do} to do" if to_do else "\nall is well")
    sys.exit(1 if to_do else 0)


def examine(folder: Path, params: Path, patience: float = PATIENCE) -> list[Line]:
    """All lines on the project in `folder`, where this process must be."""
    questions = [
        Question("libraries", "rjcma.doctor.libraries", ()),
        Question("project", "rjcma.doctor.project", (str(params),)),
    ]
    answers: dict[str, list[Line]] = {}
    threads = [
        threading.Thread(target=lambda q=each: answers.update({q.name: asked(q, patience)}))
        for each in questions
    ]
    for thread in threads:
        thread.start()
    own = [*machine.lines(folder)]
    shared = remote.lines(folder)
    for thread in threads:
        thread.join()
    return [*own, *answers["libraries"], *answers["project"], *shared]


def asked(question: Question, patience: float) -> list[Line]:
    """The answer of a process: a line of JSON for each thing; a last line if it breaks off."""
    command = [sys.executable, "-m", question.module, *question.arguments]
    process = subprocess.Popen(
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
        env={**os.environ, "PYTHONPATH": _paths()},
    )
    try:
        out, err = process.communicate(timeout=patience)
        end = _end(process.returncode, err)
    except subprocess.TimeoutExpired:
        process.kill()
        out, _ = process.communicate()
        end = f"no answer within {patience:g} seconds"
    lines, last = _parsed(out)
    if end:
        where = f" while it looked at {last}" if last else ""
        lines.append(Line(question.name, f"{end}{where}", "see what is to do above, and do it"))
    return lines


def _paths() -> str:
    """PYTHONPATH with the folder of this code first, so that the processes run the same code."""
    own = str(Path(__file__).parents[2])
    return os.pathsep.join(filter(None, [own, os.environ.get("PYTHONPATH", "")]))


def _end(status: int, err: str) -> str:
    """How a process ended, if not well."""
    if status == 0:
        return ""
    if status < 0:
        try:
            return f"a process that died of {signal.Signals(-status).name}"
        except ValueError:
            return f"a process that died of signal {-status}"
    last = (err.strip().splitlines() or [f"status {status}"])[-1]
    return last[:200]


def _parsed(out: str) -> tuple[list[Line], str]:
    """The lines, and what was being looked at when the output ended."""
    lines, last = [], ""
    for text in out.splitlines():
        try:
            values = json.loads(text)
        except ValueError:
            continue  # what a library printed
        if isinstance(values, dict) and "looking" in values:
            last = str(values["looking"])
        elif isinstance(values, list) and len(values) == 3:
            lines.append(Line(*map(str, values)))
            last = ""
    return lines, last


def answer(line: Line) -> None:
    """In the process that is asked: give a line."""
    print(json.dumps(list(line)), flush=True)


def looking(at: str) -> None:
    """In the process that is asked: say what comes next, in case it is the end."""
    print(json.dumps({"looking": at}), flush=True)
