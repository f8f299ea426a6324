"""Where annotations are found, and when their rows are."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from rated_clips import labels, rating, settings

from rjcma.annotations import raters
from rjcma.annotations.read import read
from rjcma.problem import Problem

ROWS = "time,arousal\n0,0.1\n0.25,0.2\n0.5,0.3\n0.75,0.4\n1,0.5\n1.25,0.6\n1.5,0.7\n1.75,0.8\n"
SECOND = {
    "frames": 4,
    "times": 1 + np.arange(4) / 4,
    "start": 1.0,
    "video_seconds": 2.0,
    "first": 4,
}
"""The clip is the second half of a video of two seconds."""


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{clip}.csv", "c1.csv"),
        ("{video}/{target}.csv", "v/arousal.csv"),
        ("a/{rater}/{clip}.csv", "a/r/c1.csv"),
        ("{clip}_{rater}.csv", "c1_r.csv"),
        ("{rater}-{target}/{rater}_{clip}.csv", "r-arousal/r_c1.csv"),
        ("one.csv", "one.csv"),
    ],
)
def test_a_pattern_finds_the_files_of_a_clip_alone(pattern: str, path: str, tmp_path: Path) -> None:
    others = dict.fromkeys(["c1_2_r.csv", "c2.csv", "c2_r.csv", "v/valence.csv"], "broken")
    rated = labels(tmp_path, {**others, path: ROWS}, {"files": pattern}, video="v", video_seconds=2)
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.2, 0.3, 0.4], atol=1e-6)
    assert list(rated.weights["arousal"]) == (["r"] if "rater" in pattern else ["arousal"])


def test_the_path_in_the_list_goes_before_the_pattern(tmp_path: Path) -> None:
    files = {"mine/x.csv": ROWS, "c1.csv": "broken"}
    section = {"files": "{clip}.csv"}
    rated = labels(tmp_path, files, section, annotation="mine/x.csv", video_seconds=2)
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.2, 0.3, 0.4], atol=1e-6)


@pytest.mark.parametrize(
    ("origin", "expected"), [("video", [0.5, 0.6, 0.7, 0.8]), ("clip", [0.1, 0.2, 0.3, 0.4])]
)
@pytest.mark.parametrize("unit", ["s", "ms", "frame"])
def test_times_count_from_the_video_or_from_the_clip(
    origin: str, expected: list[float], unit: str, tmp_path: Path
) -> None:
    factor = {"s": 1, "ms": 1000, "frame": 4}[unit]
    rows = [line.split(",") for line in ROWS.splitlines()[1:]][: 8 if origin == "video" else 4]
    content = "time,arousal\n" + "".join(f"{float(t) * factor:g},{v}\n" for t, v in rows)
    section = {"files": "{clip}.csv", "time": {"origin": origin, "unit": unit}}
    rated = labels(tmp_path, {"c1.csv": content}, section, **SECOND)
    np.testing.assert_allclose(rated.labels[:, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("time", "expected"),
    [
        ({"offset": 0.25}, [np.nan, 0.1, 0.2, 0.3]),
        ({"offset": -0.25}, [0.2, 0.3, 0.4, 0.5]),
        ({"stamp": "end"}, [0.2, 0.3, 0.4, 0.5]),
        ({"rate": 4}, [0.1, 0.2, 0.3, 0.4]),
        ({"rate": 8}, [0.15, 0.35, 0.55, 0.75]),
        ({"rate": "video"}, [0.1, 0.2, 0.3, 0.4]),
        ({"rate": "video", "offset": 0.25}, [np.nan, 0.1, 0.2, 0.3]),
    ],
    ids=str,
)
def test_times_are_moved_and_made(time: dict[str, object], expected, tmp_path: Path) -> None:
    section = {"files": "c1.csv", "time": time}
    rated = labels(tmp_path, {"c1.csv": ROWS}, section, video_seconds=2.0)
    np.testing.assert_allclose(rated.labels[:, 0], expected, atol=1e-6)


def test_frames_may_count_from_one(tmp_path: Path) -> None:
    section = {"files": "c1.csv", "time": {"unit": "frame", "first": 1}}
    rated = labels(tmp_path, {"c1.csv": "frame,arousal\n1,0.1\n2,0.2\n4,0.4\n"}, section)
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.2, 0.3, 0.4], atol=1e-6)


def test_raters_with_times_of_their_own_are_placed_on_the_frames_first(tmp_path: Path) -> None:
    files = {"a.csv": "0,0.1\n0.75,0.4\n", "b.csv": "0.25,0.4\n0.5,0.7\n"}
    rated = labels(tmp_path, files, {"files": "{rater}.csv", "columns": 2})
    np.testing.assert_allclose(rated.labels[:, 0], [0.1, 0.3, 0.5, 0.4], atol=1e-6)
    assert rated.weights["arousal"] == {"a": 0.5, "b": 0.5}
    assert set(rated.agreement["arousal"]) == {"a", "b"}


def test_scales_of_targets_are_returned(tmp_path: Path) -> None:
    content = "time,arousal,valence\n0,1,0.5\n0.5,5,0.25\n"
    section = {"files": "c1.csv", "range": {"arousal": [1, 9]}}
    rated = labels(tmp_path, {"c1.csv": content}, section, ["arousal", "valence"])
    assert rated.ranges == {"arousal": (1, 9), "valence": (-1, 1)}
    np.testing.assert_allclose(rated.labels[0], [-1, 0.5])


def test_a_file_of_many_clips_is_parsed_once_until_it_changes(tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "all.csv"
    rows = [f"{clip},{time},0.{clip}" for clip in range(9) for time in (0, 0.5, 1)]
    path.write_text("clip,time,arousal\n" + "\n".join(rows))
    opened = []
    monkeypatch.setattr(
        raters.table, "read", lambda *a, real=raters.table.read: opened.append(a) or real(*a)
    )
    one = settings({"files": "all.csv", "rows": {"clip": "clip"}, "time": {"column": "time"}})
    for clip in range(9):
        found = read(rating(tmp_path, clip=str(clip)), one, ["arousal"])
        np.testing.assert_allclose(found.labels, clip / 10, atol=1e-6)
    assert len(opened) == 1
    path.write_text("clip,time,arousal\n" + "\n".join(rows[3:]))
    with pytest.raises(Problem, match="no row of '0'"):
        read(rating(tmp_path, clip="0"), one, ["arousal"])


def test_gaps_and_ends_stay_unlabelled_and_are_counted(tmp_path: Path) -> None:
    content = "time,arousal\n2,0.2\n3,0.3\n10,0.1\n11,0.1\n"
    rated = labels(tmp_path, {"c1.csv": content}, {"files": "c1.csv"}, frames=15, fps=1.0)
    labelled = np.flatnonzero(~np.isnan(rated.labels[:, 0]))
    assert labelled.tolist() == [2, 3, 10, 11]
    assert rated.notes == [("frames without a label", "arousal 11 of 15")]
