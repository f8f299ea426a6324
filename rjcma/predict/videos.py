"""Videos of one's own as clips: what the index does for a corpus, without annotations."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rjcma.corpus.names import alike, refuse
from rjcma.corpus.probe import Probe
from rjcma.jobs.digests import digest_file
from rjcma.jobs.work import Job, Work
from rjcma.manifest import Clip, Person
from rjcma.predict.doing import Failures, of_a_video, run
from rjcma.problem import Problem

ROOT = Path("/")
"""The folder below which videos are: they may be anywhere."""


def clips_of(videos: Sequence[Path], out: Path, failures: Failures) -> list[Clip]:
    """A clip for each video that can be used, which is decoded once; kept by key in `out`.

    Raises `Problem` for a path that is no file, for a name that files cannot have, and for two
    videos that would have files of one name; `Problems` if no video can be used.
    """
    if not videos:
        raise Problem(
            file="VIDEO", found="no video", expected="a video, or several", cure="name it"
        )
    refuse_twins(videos)
    jobs = []
    for video in videos:
        _refuse_nothing(video)
        _refuse_name(video)
        digest = digest_file(video)
        jobs.append(Job(video.stem, (video.absolute(), digest), {"video": digest}))
    work = Work(
        "rjcma.predict.probing:write",
        jobs,
        out,
        ".json",
        stage="predict",
        unit="video",
    )
    run(failures, work)
    failed = {problem.clip for problem in failures.problems}
    usable = [video.absolute() for video in videos if video.stem not in failed]
    return failures.without([_clip(video, out / f"{video.stem}.json") for video in usable])


def of_person(clip: Clip, person: Person) -> Clip:
    """The clip of this person in the clip's video."""
    return clip.model_copy(update={"name": f"{clip.name}_{person}", "person": person})


def refuse_twins(videos: Sequence[Path]) -> None:
    """Raise `Problem` for two videos of one stem: their files would have the same names."""
    known: dict[str, Path] = {}
    for video in videos:
        other = known.setdefault(alike(video.stem), video)
        if other is not video:
            raise Problem(
                file=video,
                found=f"a video with the name of {other}",
                expected="videos of different names, since what is written of each bears its name",
                cure="rename one of them, give it once, or call this for each, with another --out",
            )


def _clip(video: Path, path: Path) -> Clip:
    found = Probe.model_validate_json(path.read_bytes())
    return Clip(
        name=video.stem,
        video=video.stem,
        partition="test",
        fps=found.fps,
        frames=found.decoded,
        file=str(video),
        video_digest=found.digest,
        decoded=found.decoded,
        times=found.times,
        faces=None,
        faces_digest="",
        sound=found.sound,
    )


def _refuse_name(video: Path) -> None:
    """Raise `Problem` for a name that files cannot have."""
    try:
        refuse(video.stem, video)
    except Problem as problem:
        raise of_a_video(problem) from None


def _refuse_nothing(video: Path) -> None:
    if not video.is_file():
        raise Problem(
            file=video,
            found="a folder without videos" if video.is_dir() else "no such file",
            expected="a video, or a folder of videos",
            cure="correct the path",
        )
