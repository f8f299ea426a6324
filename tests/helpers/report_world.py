"""Small reports on disk, written file by file, so that a test decides every number in them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from rjcma.compare.sources import Source
from rjcma.scoring.listing import FILE

FPS = 10.0


class Report:
    """A report on clips of random predictions and labels, which may be changed before `write`."""

    def __init__(self, seed: int, clips: dict[str, int], targets=("valence", "arousal")) -> None:
        """`clips` has the number of frames of each; labels are the same for every seed."""
        made, given = np.random.default_rng(seed), np.random.default_rng(1)
        self.ranges = dict.fromkeys(targets, (-1.0, 1.0))
        self.times = {name: np.arange(frames) / FPS for name, frames in clips.items()}
        self.truth = {t: {n: given.uniform(-1, 1, f) for n, f in clips.items()} for t in targets}
        self.predicted = {t: {n: made.uniform(-1, 1, f) for n, f in clips.items()} for t in targets}
        self.together = {name: name for name in clips}
        self.folds = {name: [number % 2] for number, name in enumerate(clips)}
        self.scores = {t: {0: 0.25, 1: 0.5} for t in targets}
        self.listed = True

    def write(self, folder: Path, name: str = "") -> Source:
        """Write it. -> the report, as if it had been asked for by `name`."""
        (folder / "traces").mkdir(parents=True)
        metrics: dict[str, Any] = {
            target: {"ccc": 0.0, "folds": {str(f): {"ccc": ccc} for f, ccc in folds.items()}}
            for target, folds in self.scores.items()
        }
        (folder / "metrics.json").write_text(json.dumps({**metrics, "mean": {"ccc": 0.0}}))
        for clip in self.times:
            (folder / "traces" / f"{clip}.csv").write_text(self._trace(clip))
        if self.listed:
            (folder / FILE).write_text(json.dumps(self._listing()))
        return Source(name or str(folder), folder)

    def _trace(self, clip: str) -> str:
        names = [*self.ranges, *(f"{target}_truth" for target in self.ranges)]
        columns = [self.predicted[t][clip] for t in self.ranges]
        columns += [self.truth[t][clip] for t in self.ranges]
        rows = [",".join(["frame", "time", *names])]
        for frame, time in enumerate(self.times[clip]):
            cells = ["" if np.isnan(c[frame]) else f"{c[frame]:.6f}" for c in columns]
            rows.append(",".join([str(frame), f"{time:.6f}", *cells]))
        return "\n".join(rows) + "\n"

    def _listing(self) -> dict[str, Any]:
        clips = [
            {
                **{"name": name, "video": name, "together": self.together[name]},
                **{"partition": "train", "fps": FPS, "frames": len(times)},
                "folds": self.folds[name],
            }
            for name, times in self.times.items()
        ]
        return {"targets": self.ranges, "clips": clips}
