"""An audit as text: clips, frames, length and labelled share of each partition; raters; notes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import get_args

import numpy as np

from rjcma.annotations.gold import Agreement
from rjcma.corpus.audit import Audit
from rjcma.corpus.findings import NAMED
from rjcma.manifest import Clip, Partition
from rjcma.problem import shown


def summary(audit: Audit) -> str:
    """The table of partitions, a line for each target's raters and for each kind of note."""
    rows = [["partition", "clips", "videos", "frames", "h:mm:ss", "labelled"]]
    for partition in get_args(Partition):
        clips = [clip for clip in audit.clips if clip.partition == partition]
        rows.append(_row(partition, clips, audit))
    rows.append(_row("all", audit.clips, audit))
    table = ["".join(f"{cell:>12}" for cell in row) for row in rows]
    return "\n".join([*table, *_raters(audit), *audit.findings.lines()])


def _raters(audit: Audit) -> Iterator[str]:
    """How far each rater agrees with the mean of the others, over the clips that they rated."""
    found: dict[str, dict[str, list[Agreement]]] = {}
    for rated in audit.rated.values():
        for target, raters in rated.agreement.items():
            for rater, agreement in raters.items():
                found.setdefault(target, {}).setdefault(rater, []).append(agreement)
    for target, by_rater in found.items():
        listed = [_agreement(rater, values) for rater, values in by_rater.items()]
        more = f" and {len(listed) - NAMED} more" if len(listed) > NAMED else ""
        yield (
            f"raters of {target}, correlation and CCC with the mean of the others:"
            f" {', '.join(listed[:NAMED])}{more}"
        )


def _agreement(rater: str, clips: list[Agreement]) -> str:
    correlation, ccc = np.mean(clips, axis=0)
    return f"{shown(rater)} {correlation:z.2f} {ccc:z.2f}"


def _row(partition: str, clips: Iterable[Clip], audit: Audit) -> list[str]:
    clips = list(clips)
    labels = [audit.labels[clip.name] for clip in clips if clip.name in audit.labels]
    labelled = f"{np.mean(~np.isnan(np.concatenate(labels))):.1%}" if labels else "-"
    length = timedelta(seconds=round(sum(clip.frames / clip.fps for clip in clips)))
    videos = len({clip.video for clip in clips})
    frames = sum(clip.frames for clip in clips)
    return [partition, str(len(clips)), str(videos), str(frames), str(length), labelled]
