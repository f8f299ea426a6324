"""Tests run in parallel, one process per core: numeric libraries use one core in each."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before one of them is imported
