"""The workers of a Dask cluster."""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor
from contextlib import contextmanager
from pathlib import Path

from distributed import Client, KilledWorker, Security
from distributed.comm import connect

from rjcma.jobs.progress import say
from rjcma.jobs.remote import Cluster, answer_in_own_process
from rjcma.problem import Problem

CONNECT = 20.0
"""Seconds to wait for the scheduler (ours)."""

LOGGERS = ("distributed", "distributed.client", "tornado", "tornado.application", "asyncio")
"""Those to which Dask gives a level of their own, and Python's."""


@contextmanager
def cluster(where: str) -> Iterator[Cluster]:
    """The workers of a scheduler; `where` is its address or its scheduler file.

    Raises `Problem` if no scheduler answers.
    """
    for logger in LOGGERS:
        logging.getLogger(logger).setLevel(logging.CRITICAL)  # what happens is a `Problem`
    with _client(where) as client:
        if not client.scheduler_info()["workers"]:
            say(f"dask:{where}: no workers yet; the work begins when one joins")
        pool: Executor = client.get_executor(pure=False)
        yield Cluster(
            lambda session, job: pool.submit(answer_in_own_process, session, job),
            (BrokenExecutor, KilledWorker),
        )


def _client(where: str) -> Client:
    try:
        address = _address(where)
        asyncio.run(_reach(address))
    except (OSError, ValueError, TypeError, ImportError) as error:
        raise Problem(
            file=f"RJCMA_EXECUTOR=dask:{where}",
            found=str(error),
            expected="the address or the file of a Dask scheduler that is running",
            cure="start it (dask scheduler), correct the address, or unset RJCMA_EXECUTOR",
        ) from None
    return Client(address, timeout=CONNECT, set_as_default=False)


def _address(where: str) -> str:
    address = f"tcp:{where}" if where.startswith("//") else where
    if "://" in address:
        return address
    if not Path(where).is_file():
        raise OSError("no such scheduler file")
    try:
        return str(json.loads(Path(where).read_bytes())["address"])
    except (ValueError, LookupError, TypeError):
        raise ValueError("a file without the address of a scheduler") from None


async def _reach(address: str) -> None:
    """Connect once. A client that fails would only be gone after 40 s, with a traceback."""
    security = Security().get_connection_args("client")
    comm = await connect(address, timeout=CONNECT, **security)
    await comm.close()
