"""The sample's videos: the people in them, their moods, and the difficulties of each video.

Names, lengths and moods are ours. Folds take the training clips in the order of their names; the
moods vary along this order, so that every fold trains and validates on low and high values.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from rjcma.problem import Problem
from rjcma.sample.looks import Hair
from rjcma.sample.settings import Sample
from rjcma.sample.state import Floats
from rjcma.timeline import Seconds

Partition = Literal["train", "validation", "test"]
Stretch = tuple[float, float]
"""Start and end of a part of a video, as fractions of its length."""

PAL, NTSC, FILM = Fraction(25), Fraction(30000, 1001), Fraction(24000, 1001)
THIRTY = Fraction(30)


@dataclass(frozen=True)
class Person:
    """A person in a video. `valence` and `arousal` are the centre of the state, before tanh."""

    hair: Hair
    skin: int  # index into looks.SKINS
    voice: str  # a variant of eSpeak's en-us
    valence: float
    arousal: float
    name: str = ""  # of a person in several videos, who looks the same in each

    @property
    def man(self) -> bool:
        """Whether the voice is a man's."""
        return self.voice.startswith("m")


@dataclass(frozen=True)
class Video:
    """A video of the sample and its annotations."""

    name: str
    fps: Fraction
    seconds: Seconds
    people: tuple[Person, ...]
    partition: Partition = "train"
    size: tuple[int, int] = (480, 270)
    container: Literal["mp4", "avi"] = "mp4"
    away: tuple[Stretch, ...] = ()  # the face is turned away
    covered: tuple[Stretch, ...] = ()  # a book is held before the face
    unlabelled: tuple[Stretch, ...] = ()  # the annotators gave no value
    silent: bool = False  # nobody speaks, the sound is digital silence
    extra_rows: int = 0  # rows that the annotation has beyond the video's frames
    irregular: bool = False  # some frames are missing, so that frame times are uneven

    @property
    def file(self) -> str:
        """The name of the video's file."""
        return f"{self.name}.{self.container}"

    @property
    def clips(self) -> tuple[str, ...]:
        """The names of the video's clips, one per person."""
        if len(self.people) == 1:
            return (self.name,)
        return tuple(f"{self.name}_{side}" for side in self.sides)

    @property
    def sides(self) -> tuple[str, ...]:
        """Where each person is, if there are two; empty for one."""
        return ("",) if len(self.people) == 1 else ("left", "right")

    @property
    def frames(self) -> int:
        """The number of frames, of which some are missing if frame times are irregular."""
        return int(self.seconds * self.fps)

    def within(self, stretches: Sequence[Stretch]) -> list[tuple[Seconds, Seconds]]:
        """Start and end of these parts, in seconds."""
        return [(start * self.seconds, end * self.seconds) for start, end in stretches]

    def is_unlabelled(self, times: Floats) -> NDArray[np.bool_]:
        """Whether the annotators gave no value at these times, (T,)."""
        spans = self.within(self.unlabelled)
        return np.any(
            [np.zeros(len(times), bool), *((times >= s) & (times < e) for s, e in spans)], 0
        )


VIDEOS = (
    Video("3-25-480x270", PAL, 14, (Person("bob", 1, "f1", -0.7, 0.4),)),
    Video("7-30-480x270", THIRTY, 13, (Person("short", 0, "m1", 0.7, 0.7),)),
    Video("12-24-480x270", FILM, 16, (Person("bun", 3, "f4", 0.7, -0.6),)),
    Video(
        "16-30-480x270",
        NTSC,
        18,
        (Person("long", 0, "f3", 0.4, 0.3), Person("bald", 4, "m3", -0.4, 0.2)),
    ),
    Video("21-25-480x270", PAL, 8, (Person("curly", 4, "f5", -0.3, -0.7),)),
    Video("28-30-480x270", THIRTY, 12, (Person("short", 2, "m2", 0.5, -0.4),), silent=True),
    Video(
        "video5",
        PAL,
        15,
        (Person("long", 2, "f1", -0.2, 0.7),),
        away=((0.22, 0.36), (0.7, 0.78)),
    ),
    Video(
        "video14",
        THIRTY,
        13,
        (Person("bald", 1, "m4", -0.6, -0.6),),
        container="avi",
        unlabelled=((0.3, 0.42), (0.8, 0.86)),
    ),
    Video("video22", NTSC, 14, (Person("bob", 5, "f4", 0.3, -0.1),), extra_rows=4),
    Video("video31", THIRTY, 15, (Person("curly", 0, "m5", 0.7, 0.0),), irregular=True),
    Video("104", PAL, 16, (Person("short", 5, "m7", 0.6, 0.5),), size=(400, 300)),
    Video(
        "117-24",
        FILM,
        12,
        (Person("bun", 0, "f3", -0.6, -0.5),),
        covered=((0.45, 0.62),),
    ),
    Video("122", THIRTY, 12, (Person("short", 1, "m3", -0.7, 0.7),), size=(400, 300)),
    Video("33-25-480x270", PAL, 15, (Person("long", 3, "f5", 0.6, -0.5),), "validation"),
    Video(
        "video9",
        NTSC,
        14,
        (Person("curly", 2, "m1", -0.6, 0.6),),
        "validation",
        covered=((0.52, 0.66),),
    ),
    Video(
        "131",
        THIRTY,
        12,
        (Person("bob", 0, "f4", 0.5, 0.6),),
        "validation",
        unlabelled=((0.0, 0.06),),
    ),
    Video("45-24-480x270", FILM, 16, (Person("short", 4, "m2", -0.5, -0.4),), "validation"),
    Video("52-25-480x270", PAL, 12, (Person("bun", 1, "f1", 0.4, 0.3),), "test"),
    Video("video18", NTSC, 9, (Person("bald", 0, "m5", -0.5, -0.1),), "test", away=((0.6, 0.75),)),
)
"""All videos of the sample."""


def selected_videos(settings: Sample, videos: Sequence[Video] = VIDEOS) -> list[Video]:
    """The videos that the settings name, at the length that the settings give.

    Raises `Problem` for a name that no video has.
    """
    known = {video.name: video for video in videos}
    for name in settings.videos or ():
        if name not in known:
            raise Problem(
                found=f"sample.videos names {name}",
                expected=f"names among {', '.join(known)}",
                cure="correct sample.videos, or set it to null for all videos",
            )
    names = known if settings.videos is None else dict.fromkeys(settings.videos)
    return [replace(known[name], seconds=known[name].seconds * settings.length) for name in names]
