"""Jobs on other machines: what a worker checks before its first job, and how it does one.

A worker there is started by Dask or Slurm, in the folder of the clone that asks for the jobs or in
one with the same path on a shared drive, and with the same packages. It refuses to work otherwise.
Jobs are sent as pickled bytes, and read only after the check.
"""

from __future__ import annotations

import functools
import multiprocessing
import os
import pickle
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any, NamedTuple, cast

from rjcma.jobs import code
from rjcma.jobs.digests import digest_text
from rjcma.jobs.files import replace
from rjcma.jobs.workers import Needs, Processes, limit_cores, work_here
from rjcma.problem import Problem

SESSIONS = Path(".rjcma/sessions")
LOOK_EVERY = 2.0
"""Seconds after which a worker looks whether its session is still on (ours)."""


class Session(NamedTuple):
    """One piece of work that is done elsewhere: its folder, and the file that says it is on.

    The file holds the session's id. When it is gone, or holds another id because the work was
    started again, workers of the session end at once, so that no two do the same job.
    """

    id: str
    folder: Path
    """The clone's, absolute."""
    file: Path
    versions: dict[str, str]
    """Of the code and of the libraries (`versions`)."""
    needs: Needs

    @property
    def is_on(self) -> bool:
        """Whether the work still goes on, seen from any machine."""
        try:
            return self.file.read_text() == self.id
        except OSError:
            return False


class Answer(NamedTuple):
    """What a worker sends back: the job's result, or why it refused to do any."""

    result: Any
    refusal: Problem | None = None


class Cluster(NamedTuple):
    """Workers that a scheduler has. Who leaves them cancels what has not ended."""

    submit: Callable[[Session, bytes], Future[Answer]]
    """Has a job of a session done, by `answer`."""
    deaths: tuple[type[Exception], ...]
    """The exceptions of a future whose worker died."""


@contextmanager
def session(name: str, needs: Needs) -> Iterator[Session]:
    """A session for the work of this name; an earlier one of the same name is over."""
    folder = Path.cwd()
    file = folder / SESSIONS / digest_text(name)
    begun = Session(secrets.token_hex(8), folder, file, versions(), needs)
    replace(file, begun.id.encode())
    try:
        yield begun
    finally:
        if begun.is_on:
            file.unlink(missing_ok=True)


@functools.cache
def versions() -> dict[str, str]:
    """The digest of this package's code, and the versions of the libraries that it computes with.

    The files are read once in a process, when it starts to work: later it has loaded them.
    """
    modules = code.modules()
    own = {"rjcma": version("rjcma"), "code of rjcma": code.digest(modules)[:12]}
    return {**own, **code.libraries(modules)}


def answer(session: Session, job: bytes) -> Answer:
    """In a worker process: do a pickled job, a function with arguments, unless it is refused."""
    global _entered
    if _entered != session:
        if refusal := _refusal(session):
            return Answer(None, refusal)
        _enter(session)
        _entered = session
    function, arguments, named = pickle.loads(job)
    return Answer(function(*arguments, **named))


_entered: Session | None = None
"""The session that this process works for."""


def _refusal(session: Session) -> Problem | None:
    """Why this process must not work for the session, if so."""
    host = f"the worker {socket.gethostname()}"
    if not session.is_on:
        return Problem(
            file=session.folder,
            found=f"another folder, or none, at this path on {host}",
            expected="the folder in which the command was started, on a drive that all share",
            cure="put the clone on a shared drive, and mount it at the same path everywhere",
        )
    try:
        here = versions()
    except PackageNotFoundError as error:
        here = {error.name: "missing"}
    if differing := {k: v for k, v in session.versions.items() if here.get(k, "missing") != v}:
        return Problem(
            file=host,
            found=", ".join(f"{name} {here.get(name, 'missing')}" for name in differing),
            expected=", ".join(f"{name} {version}" for name, version in differing.items()),
            cure="start the workers again, from the .venv of the folder in which the command runs",
        )
    return None


def _enter(session: Session) -> None:
    work_here()
    os.chdir(session.folder)
    threading.Thread(target=_end_with_session, args=(session,), daemon=True).start()


def _end_with_session(session: Session) -> None:
    while session.is_on:
        time.sleep(LOOK_EVERY)
    os._exit(1)


_pools: dict[tuple[str, int], Processes] = {}
"""In a worker of Dask: its worker process for each session and each of its threads."""


def answer_in_own_process(session: Session, job: bytes) -> Answer:
    """In a thread of a Dask worker: have a job done by the thread's own process.

    The process is kept for the session's next job, so that models and libraries are loaded once. It
    is new for each session, so that edited code is loaded. Raises `BrokenProcessPool` if it dies.
    """
    thread = threading.get_ident()
    for other in [key for key in _pools if key[1] == thread and key[0] != session.id]:
        _pools.pop(other).shutdown()
    if (session.id, thread) not in _pools:
        multiprocessing.current_process().daemon = False  # Dask's workers may not start processes
        limit_cores(session.needs.cores)
        _pools[session.id, thread] = Processes(1, session.needs)
    return cast(Answer, _pools[session.id, thread].submit(answer, session, job).result())
