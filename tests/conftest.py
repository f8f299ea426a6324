"""Tests run in parallel, one process per core: numeric libraries use one core in each."""

from __future__ import annotations

import os
import sys

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before one of them is imported

settings.register_profile("no test depends on time", deadline=None)
settings.load_profile("no test depends on time")


@pytest.fixture
def rjcma(monkeypatch, capsys):
    """Run the command. -> exit status, standard output, standard error."""
    from rjcma import cli

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["rjcma", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            cli.main()
        printed = capsys.readouterr()
        return int(left.value.code or 0), printed.out, printed.err

    return run


@pytest.fixture(scope="module")
def browser():
    """One browser for all tests of a file."""
    import chromium

    with chromium.browsing() as opened:
        yield opened
