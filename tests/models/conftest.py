"""What tests of models share: a server on this machine, and a patience of milliseconds."""

from __future__ import annotations

import hostile_server
import pytest

from rjcma.models.flow import Limits


@pytest.fixture
def server():
    with hostile_server.serving() as server:
        yield server


@pytest.fixture
def limits():
    """A patience that tests can afford."""
    return Limits(
        reply=6.0, pace_seconds=3.0, pace_bytes=100, tries=3, pause=0.01, wait=2.0, redirects=3
    )


@pytest.fixture(autouse=True)
def elsewhere(monkeypatch, tmp_path):
    """Tests run in a folder of their own, and reach no other server."""
    for variable in ("RJCMA_MODELS", "HF_ENDPOINT", "HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"):
        monkeypatch.delenv(variable, raising=False)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    monkeypatch.chdir(tmp_path)
