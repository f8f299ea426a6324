"""Tests run side by side, a process a core: numeric libraries take one core in each."""

from __future__ import annotations

import os

os.environ.setdefault("OMP_NUM_THREADS", "1")  # before one of them is imported
