"""The sample in Aff-Wild2's layout: a text file a clip, with a row a frame, and face crops.

cropped_aligned/<clip>/00001.jpg ...       112 x 112, numbered by frame from 1; none if no face
annotations/VA/train/<clip>.txt            header, then one row per frame; -5: unlabelled
annotations/VA/validation/<clip>.txt
test.txt                                   names of the clips without annotation
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from rjcma.sample.cast import Partition, Video
from rjcma.sample.scene import Scene
from rjcma.sample.state import Floats, State
from rjcma.timeline import frame_times

FOLDERS: dict[Partition, str] = {
    "train": "annotations/VA/train",
    "validation": "annotations/VA/validation",
}
UNLABELLED = -5.0


def begin(videos: Sequence[Video], seed: int, root: Path) -> None:
    """Make the folders, and write the list of test clips."""
    for folder in ("cropped_aligned", *FOLDERS.values()):
        (root / folder).mkdir(parents=True)
    test = [clip for video in videos if video.partition == "test" for clip in video.clips]
    (root / "test.txt").write_text("".join(f"{clip}\n" for clip in sorted(test)))


def annotate(scene: Scene, seed: int, root: Path) -> None:
    """Write the annotations of a video that is not for testing."""
    video = scene.video
    if video.partition != "test":
        for clip, state in zip(video.clips, scene.states):
            path = root / FOLDERS[video.partition] / f"{clip}.txt"
            path.write_text(annotation(video, state, scene.times))


def annotation(video: Video, state: State, times: Floats) -> str:
    """The text of an annotation file: a header and one row per frame."""
    times = frame_times(len(times) + video.extra_rows, float(video.fps), times.tolist())
    values = np.stack([state.valence(times), state.arousal(times)], 1).round(3)
    values[video.is_unlabelled(times)] = UNLABELLED
    rows = [
        f"{UNLABELLED:.0f},{UNLABELLED:.0f}" if v == UNLABELLED else f"{v:.3f},{a:.3f}"
        for v, a in values
    ]
    return "\n".join(["valence,arousal", *rows]) + "\n"
