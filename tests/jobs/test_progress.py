"""The lines that tell progress where there is no terminal."""

from __future__ import annotations

import pytest

from rjcma.jobs import progress
from rjcma.jobs.progress import Progress


@pytest.mark.parametrize(
    ("seconds", "rate"), [(12, "0.083"), (0.15, "6.7"), (0.0101, "99"), (0.002, "500")]
)
def test_a_rate_has_two_digits_at_least_and_no_exponent(seconds, rate, monkeypatch, capsys):
    times = iter([0, seconds])
    monkeypatch.setattr(progress.time, "monotonic", lambda: next(times))
    Progress("data/audio", 1).step()
    assert capsys.readouterr().err == f"data/audio: 1/1 clips done, {rate} a second\n"
