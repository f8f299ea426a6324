"""Jobs are done in the test's own process: starting others, with torch, would take too long."""

from __future__ import annotations

from contextlib import nullcontext

import pytest
from predict_world import World, film

from rjcma.jobs import work
from rjcma.jobs.workers import Here


@pytest.fixture(autouse=True)
def jobs_here(monkeypatch):
    monkeypatch.setattr(work, "opened", lambda *_: nullcontext(Here()))


@pytest.fixture(scope="package")
def world(tmp_path_factory):
    """Models and runs; tests do not change them."""
    return World(tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="package")
def talk(tmp_path_factory):
    """A film of a person with two words."""
    return film(tmp_path_factory.mktemp("films") / "talk.mkv")
