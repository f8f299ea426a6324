"""An audit as text: clips, frames, length and labelled share of each partition, and the notes."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import get_args

import numpy as np

from rjcma.corpus.audit import Audit
from rjcma.manifest import Clip, Partition


def summary(audit: Audit) -> str:
    """The table of partitions, then one line for each kind of note."""
    rows = [["partition", "clips", "videos", "frames", "h:mm:ss", "labelled"]]
    for partition in get_args(Partition):
        clips = [clip for clip in audit.clips if clip.partition == partition]
        rows.append(_row(partition, clips, audit))
    rows.append(_row("all", audit.clips, audit))
    table = ["".join(f"{cell:>12}" for cell in row) for row in rows]
    return "\n".join([*table, *audit.findings.lines()])


def _row(partition: str, clips: Iterable[Clip], audit: Audit) -> list[str]:
    clips = list(clips)
    labels = [audit.labels[clip.name] for clip in clips if clip.name in audit.labels]
    labelled = f"{np.mean(~np.isnan(np.concatenate(labels)[:, 0])):.1%}" if labels else "-"
    length = timedelta(seconds=round(sum(clip.frames / clip.fps for clip in clips)))
    videos = len({clip.video for clip in clips})
    frames = sum(clip.frames for clip in clips)
    return [partition, str(len(clips)), str(videos), str(frames), str(length), labelled]
