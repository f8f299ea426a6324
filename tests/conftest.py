"""Tests run in parallel, one process per core: numeric libraries use one core in each."""

from __future__ import annotations

import os

from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before one of them is imported

settings.register_profile("no test depends on time", deadline=None)
settings.load_profile("no test depends on time")
