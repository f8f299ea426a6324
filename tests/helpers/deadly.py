"""Jobs that kill their worker, for tests of workers that die."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

from rjcma.jobs.digests import digest_text
from rjcma.jobs.work import Job, Work
from rjcma.problem import Problem

TEXTS = {name: name for name in ("ant", "bee", "cat", "dog", "eel")}


def upper(text: str, log: Path, out: Path) -> None:
    """Write the text in capitals, and log that it was called, in which process.

    `dies` kills the process that does the job; `once` does so when it is called first; `fatal once`
    kills the process that started this one; `waits` takes ten minutes.
    """
    is_first = not log.exists() or text not in log.read_text()
    with log.open("a") as file:
        file.write(f"{text}\n")
    out.write_text("half of it")
    if text == "bad":
        raise Problem(clip=text, file="in.txt", found="bad", expected="good", cure="mend it")
    if text == "dies" or (text == "once" and is_first):
        os.kill(os.getpid(), signal.SIGKILL)
    if text == "fatal once" and is_first:
        os.kill(os.getppid(), signal.SIGKILL)
        signal.pause()
    if text == "waits":
        time.sleep(600)
    out.write_text(text.upper())


def work(folder: Path, log: Path, texts: dict[str, str], **other: object) -> Work:
    """The work of writing each text in capitals."""
    jobs = [Job(name, (text, log), {"text": digest_text(text)}) for name, text in texts.items()]
    return Work(upper, jobs, folder, ".txt", **other)  # type: ignore[arg-type]


def calls(log: Path) -> list[str]:
    """The texts with which `upper` was called, sorted."""
    return sorted(log.read_text().splitlines()) if log.exists() else []
