"""All that can be known of a params file before anything is run, so that no hours are lost."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.corpus.settings import Corpus
from rjcma.encoders import keys
from rjcma.encoders.settings import NONE, Encoders
from rjcma.fusion.settings import Fusion
from rjcma.jobs.files import read_json, replace
from rjcma.jobs.recipe import Model
from rjcma.params import load
from rjcma.problem import Problem, Problems
from rjcma.sample.settings import Sample
from rjcma.scoring.settings import Runs
from rjcma.speech import transcribe_all
from rjcma.speech.settings import Speech
from rjcma.text import embed_all, punctuate_all
from rjcma.text.settings import Punctuation, Text
from rjcma.training import sections
from rjcma.vision.settings import Faces

CLASSES: dict[str, Any] = {
    "sample": Sample,
    "corpus": Corpus,
    "faces": Faces,
    "speech": Speech,
    "punctuation": Punctuation,
    "text": Text,
    "runs": Runs,
    **sections.SECTIONS,
}
"""What each section of a params file must be."""

DEVICES = ("punctuation", "text", "encoders", "training")
"""Sections that name a device."""

NO_GPU = ("auto", "cpu")
"""Devices that are on every machine."""


class Checked(NamedTuple):
    """A params file without a mistake."""

    sections: Mapping[str, Any]
    """By name."""
    models: Mapping[str, Model]
    """The identities of the models that it names, by key; or why one is not here."""
    notes: list[str]
    """What is not wrong, and might surprise."""


def check(params: Path, recorded: Path) -> Checked:
    """Check a params file against itself, this machine and the models that are here.

    `recorded` is the record of models (`record`). A model that is missing here, but was there when
    the record was made, is noted only: what it makes may have been made elsewhere.

    Raises `Problems`, a line a mistake.
    """
    found: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, kind in CLASSES.items():
        try:
            found[name] = load(params, name, kind)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(_each_once(problems))
    models = models_of(found)
    known = _read(recorded)
    missing = {key: m for key, m in models.items() if isinstance(m, Problem)}
    notes = [f"{key} is not here: what was made with it before is kept" for key in missing]
    notes += list(_unused(found))
    problems += [model for key, model in missing.items() if key not in known]
    problems += [*_missing_folds(params, found["corpus"], found["runs"]), *_devices(found)]
    if problems:
        raise Problems(_each_once(problems))
    return Checked(found, models, notes)


def models_of(found: Mapping[str, Any]) -> dict[str, Model]:
    """The models that these sections name and that something is made with, by key."""
    encoders, modalities = found["encoders"], found["fusion"].modalities
    used = [m for m in ("visual", "audio") if _is_run(encoders, m, modalities)]
    return {
        **transcribe_all.models(found["speech"]),
        **punctuate_all.models(found["punctuation"]),
        **embed_all.models(found["text"]),
        **keys.models(encoders, used),
    }


def record(path: Path, models: Mapping[str, Model]) -> None:
    """Write down which models what is made here is made with, for DVC to see when one changes.

    Of a model that is not here stands what stood there before.
    """
    before = _read(path)
    now = {key: m if isinstance(m, str) else before.get(key, "") for key, m in models.items()}
    replace(path, (json.dumps(now, indent=1, sort_keys=True) + "\n").encode())


def _read(path: Path) -> dict[str, str]:
    if not path.is_file():
        return {}
    cure = "delete the file and run `dvc repro index`: it is made again"
    content = read_json(path, expected="the record of models", cure=cure)
    return {str(key): str(value) for key, value in content.items()}


def _is_run(encoders: Encoders, modality: str, modalities: tuple[str, ...]) -> bool:
    """Whether an encoder is run by any stage."""
    return getattr(encoders, modality).mode == "precompute" or modality in modalities


def _unused(found: Mapping[str, Any]) -> Iterator[str]:
    fusion: Fusion = found["fusion"]
    if not fusion.recursive:
        yield f"recursions: {found['recursions']} is not used by fusion.kind: {fusion.kind}"
    for m in ("visual", "audio"):
        encoder = getattr(found["encoders"], m)
        if encoder.mode == "precompute" and encoder.weights == NONE:
            yield f"encoders.{m} is run once with random weights, which are never trained"


def _missing_folds(params: Path, corpus: Corpus, runs: Runs) -> list[Problem]:
    return [
        Problem(
            file=params,
            found=f"runs.folds with {fold}",
            expected=f"folds from 0 to {corpus.folds - 1}, as corpus.folds is {corpus.folds}",
            cure="correct runs.folds or corpus.folds",
        )
        for fold in runs.folds
        if fold >= corpus.folds
    ]


def _devices(found: Mapping[str, Any]) -> Iterator[Problem]:
    """A problem a device that is not here. torch, which knows, is loaded only where it must be."""
    for name in DEVICES:
        wanted = getattr(found[name], "device", "auto")
        if wanted not in NO_GPU:
            try:
                pkgutil.resolve_name("rjcma.device:choose")(wanted, f"{name}.device")
            except Problem as problem:
                yield problem
    training = found["training"]
    if training.precision == "fp16" and training.device in NO_GPU and not _has_gpu():
        yield Problem(
            file="training.precision",
            found="fp16 on a CPU",
            expected="fp32 or bf16 there",
            cure="set training.precision to fp32, or training.device to a GPU",
        )


def _has_gpu() -> bool:
    return bool(pkgutil.resolve_name("rjcma.device:choose")("auto").type != "cpu")


def _each_once(problems: list[Problem]) -> list[Problem]:
    """What is wrong with the file as a whole is met in every section."""
    return list({str(problem): problem for problem in problems}.values())
