"""The transcript of every video: its words, punctuated."""

from __future__ import annotations

from pathlib import Path

from rjcma.jobs import adoption
from rjcma.jobs.inputs import digest_input
from rjcma.jobs.recipe import Model
from rjcma.jobs.work import Job, Work
from rjcma.jobs.workers import DEFAULT, Needs
from rjcma.params import keyed
from rjcma.problem import Problem
from rjcma.text import model_files
from rjcma.text.model_needs import needs
from rjcma.text.settings import MultilingualSettings, Punctuation


def punctuate_all(words: Path, out: Path, settings: Punctuation) -> None:
    """Write `out/<video>.json`, punctuated, for each `words/<video>.json`.

    Raises `Problem` for a folder or a model that is missing, and `Problems` for files of words that
    cannot be read, after all others are done.
    """
    if not words.is_dir():
        raise Problem(
            file=words,
            found="no such folder",
            expected="a folder of words, one JSON file per video",
            cure="run stage transcribe first",
        )
    work = Work(
        "rjcma.text.punctuate:punctuate",
        [_job(path) for path in sorted(words.glob("*.json"))],
        out,
        ".json",
        stage="punctuate",
        common=(settings,),
        settings={"punctuation": keyed(settings)},
        models=models(settings),
        implementations=[settings.implementation],
        needs=_needs(settings),
        unit="video",
    )
    adoption.run(work)


def models(settings: Punctuation) -> dict[str, Model]:
    """The identity of the model that the settings name, by params key; empty if none is needed."""
    if isinstance(settings, MultilingualSettings):
        key = "punctuation.model"
        return {key: model_files.identity(settings.model, key=key)}
    return {}


def _needs(settings: Punctuation) -> Needs:
    if isinstance(settings, MultilingualSettings):
        return needs(settings.model, settings.device, key="punctuation.model")
    return DEFAULT


def _job(path: Path) -> Job:
    return Job(path.stem, (path,), {"words": digest_input(path)}, length=path.stat().st_size)
