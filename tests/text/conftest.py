"""Jobs are done in the test's own process: starting others, with torch, would take too long."""

from __future__ import annotations

from contextlib import nullcontext

import pytest

from rjcma.jobs import work
from rjcma.jobs.workers import Here


@pytest.fixture(autouse=True)
def jobs_here(monkeypatch):
    monkeypatch.setattr(work, "opened", lambda *_: nullcontext(Here()))
