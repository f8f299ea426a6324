"""Predict videos of one's own with trained runs: from the files to `Predicted`."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

import h5py
import numpy as np
from numpy.typing import NDArray

from rjcma.corpus.labels import in_own_units
from rjcma.corpus.names import alike
from rjcma.jobs.digests import digest_value
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import Needs
from rjcma.manifest import Clip, Person
from rjcma.predict import attending, given, looking, videos
from rjcma.predict.doing import Failures, run
from rjcma.predict.engines import Asked, Engines, of_runs
from rjcma.predict.features import ONE_CORE, Features, Places
from rjcma.predict.result import Predicted
from rjcma.predict.trained import Trained, open_all
from rjcma.problem import Problem
from rjcma.speech import words

MEMORY = 2**30
"""Bytes that a worker takes that runs networks (as one that trains, `rjcma.training.runs`)."""


SLOW = ("rjcma.predict.network", "rjcma.audio.logmel", "rjcma.text.embed")
"""Modules that load torch and transformers."""


class Request(NamedTuple):
    """What is to be predicted."""

    videos: Sequence[Path]
    runs: Sequence[Path]
    """Folders of runs, or bundles."""
    work: Path
    """The working folder, in which all that is made is kept by key."""
    person: Person | None = None
    """Whose face is meant; None: who is seen most."""
    everyone: bool = False
    """Whether each person that is seen often is a clip of their own."""
    asked: Asked = Asked()
    attention: bool = False
    """Whether the attention of the networks is computed too, for pages."""


def predict(request: Request) -> Iterator[Predicted]:
    """Predict each video, or each person in it, by name; files that are up to date are kept.

    Raises `Problem`, or `Problems` with a line each, for runs, engines or videos that cannot be
    used; for videos after all others have been given.
    """
    _refuse_shard()
    runs = open_all(given.folders(request.runs, request.work / "bundles"))
    engines = of_runs(runs, request.asked)
    _refuse_person(request, engines)
    places, failures = Places(request.work, engines.id), Failures()
    features = Features(engines, places, failures)
    loading = _load_meanwhile(request, places)
    clips = videos.clips_of(request.videos, places.videos, failures)
    clips = features.look(features.hear(clips))
    loading.join()  # transformers cannot be imported by two threads at once
    clips = features.make(_people(clips, request, places))
    predictions = request.work / "predictions" / _id(engines, runs)
    run(failures, _networks(clips, runs, engines, places, predictions))
    if request.attention:
        folders = _folders(engines, places)
        left, where = failures.without(clips), engines.encoders.device
        run(failures, attending.work(left, runs, folders, _attention(predictions), where))
    for clip in failures.without(clips):
        yield _result(clip, runs, engines, places, predictions)
    failures.check()


def _load_meanwhile(request: Request, places: Places) -> threading.Thread:
    """Load what takes seconds in a thread of its own while videos are read, if any is new."""
    new = any(not (places.videos / f"{video.stem}.json").is_file() for video in request.videos)
    modules = SLOW if new else ()
    loading = threading.Thread(
        target=lambda: list(map(importlib.import_module, modules)), daemon=True
    )
    loading.start()
    return loading


def _people(whole: Sequence[Clip], request: Request, places: Places) -> list[Clip]:
    """The clips: a video each, or a person each.

    Raises `Problem` for a person whose files would have the name of another video.
    """
    if request.everyone:
        clips = [each for clip in whole for each in _everyone(clip, places)]
    elif request.person is not None:
        clips = [videos.of_person(clip, request.person) for clip in whole]
    else:
        return list(whole)
    named = {alike(clip.video): clip for clip in whole}
    for clip in clips:
        other = named.get(alike(clip.name), clip)
        if other.video != clip.video:
            raise Problem(
                file=other.file,
                found=f"a video with the name of person {clip.person} of {clip.file}",
                expected="another name, since predictions are called by these",
                cure="rename it, or predict it in a call of its own, with another --out",
            )
    return clips


def _everyone(clip: Clip, places: Places) -> list[Clip]:
    """The people of a video from the left, or the video itself if nobody is seen."""
    count = looking.people(places.tracks / f"{clip.video}.h5", clip.fps)
    return [videos.of_person(clip, number + 1) for number in range(count)] or [clip]


def _refuse_shard() -> None:
    """Raise `Problem` if the user has chosen a shard: what is predicted needs all that is made."""
    if shard := os.environ.get("RJCMA_SHARD"):
        raise Problem(
            file="RJCMA_SHARD",
            found=repr(shard),
            expected="no shard: each video needs all that is made of it",
            cure="unset it, and give each machine videos of its own",
        )


def _refuse_person(request: Request, engines: Engines) -> None:
    if request.everyone and request.person is not None:
        raise Problem(
            file="--person",
            found=f"{request.person}, and --everyone",
            expected="one of them",
            cure="leave one out",
        )
    if (request.everyone or request.person is not None) and not engines.looks:
        raise Problem(
            file="--everyone" if request.everyone else "--person",
            found="runs that do not look at faces"
            if "visual" not in engines.modalities
            else "--no-faces",
            expected="runs with the modality visual, and a detector",
            cure="leave it out: all people of a video have the same sound and words",
        )


def _id(engines: Engines, runs: Sequence[Trained]) -> str:
    return digest_value([engines.id, *(run.digest for run in runs)])[:12]


def _networks(
    clips: Sequence[Clip],
    runs: Sequence[Trained],
    engines: Engines,
    places: Places,
    out: Path,
) -> Work:
    """The work of all runs' networks on each clip."""
    folders = _folders(engines, places)
    jobs = [
        Job(
            clip.name,
            (clip,),
            {
                "frame times": digest_value(clip.frame_times().tolist()),
                **{run.name: run.digest for run in runs},
                **{m: digest_input(folder / f"{clip.name}.h5") for m, folder in folders.items()},
            },
            clip.frames,
        )
        for clip in clips
    ]
    settings = [run.settings for run in runs]
    parts = [e for s in settings for e in (s.fusion, *s.trained_encoders().values())]
    return Work(
        "rjcma.predict.network:write",
        jobs,
        out,
        ".h5",
        stage="predict",
        common=([(run.name, run.folder) for run in runs], folders, engines.encoders.device),
        implementations=sorted({part.implementation for part in parts}),
        workers="threads",
        needs=Needs(MEMORY, device=engines.encoders.device),
        around=ONE_CORE,
    )


def _folders(engines: Engines, places: Places) -> dict[str, Path]:
    """The folders of the features that the runs read, by modality."""
    return {m: places.of(m) for m in sorted(engines.modalities)}


def _result(
    clip: Clip, runs: Sequence[Trained], engines: Engines, places: Places, predictions: Path
) -> Predicted:
    ranges = {run.target: _range(run) for run in runs}
    with h5py.File(predictions / f"{clip.name}.h5") as file:
        by_run = {run.name: np.asarray(file[run.name], np.float64) for run in runs}
    folds = {
        target: np.stack(
            [_held(by_run[run.name], scale) for run in runs if run.target == target]
        ).astype(np.float32)
        for target, scale in ranges.items()
    }
    listens = "text" in engines.modalities
    spoken = words.read(places.transcripts / f"{clip.video}.json") if listens else []
    boxes, files = _boxes(clip, engines, places), _files(clip, engines, places, predictions)
    return Predicted(clip, Path(clip.file), ranges, folds, spoken, boxes, files)


def _attention(predictions: Path) -> Path:
    """The folder of the attention of the same networks."""
    return predictions.with_name(f"{predictions.name}-attention")


def _files(clip: Clip, engines: Engines, places: Places, predictions: Path) -> dict[str, Path]:
    """What the networks' modalities were made from; the folders may have files of earlier calls."""
    of_videos: dict[str, Path] = {}
    of_clips = {"predictions": predictions, "attention": _attention(predictions)}
    of_clips |= _folders(engines, places)
    if "visual" in engines.modalities:
        of_clips["faces"] = places.faces
    if "audio" in engines.modalities:
        of_clips["logmel"] = places.logmel
    if "text" in engines.modalities:
        of_videos = {"words": places.words, "transcripts": places.transcripts}
    paths = {kind: folder / f"{clip.video}.json" for kind, folder in of_videos.items()}
    paths |= {kind: folder / f"{clip.name}.h5" for kind, folder in of_clips.items()}
    return {kind: path for kind, path in paths.items() if path.is_file()}


def _range(run: Trained) -> tuple[float, float]:
    """The range of a run's target; -1 to 1 for a run that does not say."""
    return run.engines.range if run.engines else (-1.0, 1.0)


def _held(values: NDArray[np.float64], scale: tuple[float, float]) -> NDArray[np.float64]:
    """Predictions in [-1, 1] or slightly beyond, held to it, in the target's own units."""
    return in_own_units(np.clip(values, -1, 1), scale)


def _boxes(clip: Clip, engines: Engines, places: Places) -> NDArray[np.float32] | None:
    if not engines.looks:
        return None
    with h5py.File(places.faces / f"{clip.name}.h5") as file:
        return np.asarray(file[looking.BOXES], np.float32)
