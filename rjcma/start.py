"""Check a params file before anything runs, so that a mistake does not cost hours."""

from __future__ import annotations

import json
import pkgutil
from collections.abc import Iterator, Mapping
from functools import reduce
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.corpus.audit import Wanted
from rjcma.corpus.settings import Corpus
from rjcma.encoders import identity
from rjcma.encoders.settings import NONE, Encoders
from rjcma.fusion.settings import Fusion
from rjcma.jobs.files import read_json, replace
from rjcma.jobs.recipe import Model
from rjcma.models.hints import with_hint
from rjcma.params import load, said
from rjcma.problem import Problem, Problems
from rjcma.sample.settings import Sample
from rjcma.scoring.settings import Runs
from rjcma.speech import transcribe_all
from rjcma.speech.section import Speech
from rjcma.text import embed_all, punctuate_all
from rjcma.text.settings import Punctuation, Text
from rjcma.training.sections import SECTIONS as OF_TRAINING
from rjcma.vision import model
from rjcma.vision.settings import Faces

CLASSES: dict[str, Any] = {
    "sample": Sample,
    "corpus": Corpus,
    "faces": Faces,
    "speech": Speech,
    "punctuation": Punctuation,
    "text": Text,
    "runs": Runs,
    **OF_TRAINING,
}
"""The class or type of each section of a params file."""

ENGINES = ("faces", "speech", "punctuation", "text", "encoders")
"""Sections that name what features are made with."""

DEVICES = ("speech", "punctuation", "text", "encoders", "training")
"""Sections that name a device."""

NO_GPU = ("auto", "cpu")
"""Devices that every machine has."""


class Checked(NamedTuple):
    """A params file without a mistake."""

    sections: Mapping[str, Any]
    """By name."""
    models: Mapping[str, Model]
    """By params key, the digest of each model that the file names, or the `Problem` that the model
    is missing here."""
    notes: list[str]
    """What is allowed but may surprise the user."""


def check(params: Path, recorded: Path | None) -> Checked:
    """Check a params file: its values, its devices and its models.

    `recorded` is the record of models (`record`). A model that is missing here, but is in the
    record, is only noted: the files that need it may have been made on another machine.

    Raises `Problems`, one line per mistake.
    """
    sections: dict[str, Any] = {}
    problems: list[Problem] = []
    for name, schema in CLASSES.items():
        try:
            sections[name] = load(params, name, schema)
        except Problem as problem:
            problems.append(problem)
    if problems:
        raise Problems(each_once(problems))
    models = models_of(sections)
    known = read_record(recorded) if recorded else {}
    missing = missing_of(sections, models)
    notes = [f"{key}: the model is missing here; files made with it are kept" for key in missing]
    notes += list(_unused(sections))
    problems += [model for key, model in missing.items() if key not in known]
    problems += [*_missing_folds(params, sections["corpus"], sections["runs"])]
    problems += [*_missing_targets(params, sections["corpus"], sections["runs"])]
    problems += list(_devices(sections))
    language = transcribe_all.wrong_language(sections["speech"])
    problems += [language] if language else []
    if problems:
        raise Problems(each_once(problems))
    return Checked(sections, models, notes)


def wanted(sections: Mapping[str, Any]) -> Wanted:
    """What the corpus must have data for."""
    faces = getattr(sections["faces"], "detector", None) is not None
    return Wanted(sections["fusion"].modalities, sections["runs"].folds, faces)


def models_of(sections: Mapping[str, Any]) -> dict[str, Model]:
    """The models that these sections name and that a stage uses, by params key."""
    encoders, modalities = sections["encoders"], sections["fusion"].modalities
    used = [m for m in ("visual", "audio") if _is_run(encoders, m, modalities)]
    return {
        **model.models(sections["faces"]),
        **transcribe_all.models(sections["speech"]),
        **punctuate_all.models(sections["punctuation"]),
        **embed_all.models(sections["text"]),
        **identity.models(encoders, used),
    }


def record(path: Path, models: Mapping[str, Model]) -> None:
    """Write the models' digests to a file, so that DVC sees when a model changes.

    A model that is missing here keeps the digest that the file had before.
    """
    before = read_record(path)
    now = {key: m if isinstance(m, str) else before.get(key, "") for key, m in models.items()}
    replace(path, (json.dumps(now, indent=1, sort_keys=True) + "\n").encode())


def record_engines(path: Path, sections: Mapping[str, Any], models: Path) -> None:
    """Write what features are made with: these `sections`, and the record of `models`.

    Stage train puts it into each run's folder, so that other videos can be treated alike.
    """
    params = {name: said(sections[name]) for name in ENGINES}
    text = json.dumps({"params": params, "models": read_record(models)}, indent=1)
    replace(path, (text + "\n").encode())


def _named(sections: Mapping[str, Any], key: str) -> str:
    """What the params file says at this dotted key."""
    first, *rest = key.split(".")
    return str(reduce(getattr, rest, sections[first]))


def _kind(sections: Mapping[str, Any], key: str) -> str:
    """The kind of the encoder, or the recogniser, whose model this key names; else empty."""
    if key.startswith("speech."):
        return str(sections["speech"].engine)
    encoders: Encoders = sections["encoders"]
    encoder = encoders.of(key.split(".")[1]) if key.startswith("encoders.") else None
    return str(getattr(encoder, "kind", ""))


def missing_of(sections: Mapping[str, Any], models: Mapping[str, Model]) -> dict[str, Problem]:
    """The models that are missing here, by params key; the problem says how to get each."""
    return {
        key: with_hint(model, key, _named(sections, key), _kind(sections, key))
        for key, model in models.items()
        if isinstance(model, Problem)
    }


def read_record(path: Path) -> dict[str, str]:
    """The models' digests by params key; empty if there is no record."""
    if not path.is_file():
        return {}
    cure = "delete the file and run `dvc repro index`: it is made again"
    content = read_json(path, expected="the record of models", cure=cure)
    return {str(key): str(value) for key, value in content.items()}


def _is_run(encoders: Encoders, modality: str, modalities: tuple[str, ...]) -> bool:
    """Whether any stage runs the encoder of this modality."""
    return getattr(encoders, modality).mode == "precompute" or modality in modalities


def _unused(sections: Mapping[str, Any]) -> Iterator[str]:
    fusion: Fusion = sections["fusion"]
    if not fusion.recursive:
        yield f"recursions: {sections['recursions']} is not used by fusion.kind: {fusion.kind}"
    for m in ("visual", "audio"):
        encoder = getattr(sections["encoders"], m)
        if encoder.mode == "precompute" and encoder.weights == NONE:
            yield f"encoders.{m} is run once with random weights, which are never trained"


def _missing_folds(params: Path, corpus: Corpus, runs: Runs) -> list[Problem]:
    return [
        Problem(
            file=params,
            found=f"fold {fold} in runs.folds",
            expected=f"folds from 0 to {corpus.folds - 1}, as corpus.folds is {corpus.folds}",
            cure="correct runs.folds or corpus.folds",
        )
        for fold in runs.folds
        if isinstance(corpus.folds, int) and fold >= corpus.folds
    ]


def _missing_targets(params: Path, corpus: Corpus, runs: Runs) -> list[Problem]:
    return [
        Problem(
            file=params,
            found=f"target {target} in runs.targets",
            expected=f"targets among corpus.targets, {', '.join(corpus.targets)}",
            cure="correct runs.targets or corpus.targets",
        )
        for target in runs.targets
        if target not in corpus.targets
    ]


def _devices(sections: Mapping[str, Any]) -> Iterator[Problem]:
    """One problem per device that is missing here. torch is imported only to look for a device."""
    for name in DEVICES:
        device = getattr(sections[name], "device", "auto")
        if device not in NO_GPU:
            try:
                pkgutil.resolve_name("rjcma.device:choose")(device, f"{name}.device")
            except Problem as problem:
                yield problem
    training = sections["training"]
    if training.precision == "fp16" and _is_cpu(training.device):
        yield Problem(
            file="training.precision",
            found="fp16 on a CPU",
            expected="fp32 or bf16 on a CPU",
            cure="set training.precision to fp32, or training.device to a GPU",
        )


def _is_cpu(name: str) -> bool:
    """Whether this device is a CPU; for `auto`, whether there is no GPU here."""
    if name == "auto":
        return bool(pkgutil.resolve_name("rjcma.device:choose")(name).type == "cpu")
    return name.partition(":")[0] == "cpu"


def each_once(problems: list[Problem]) -> list[Problem]:
    """Each problem once: a mistake of the file as a whole is found again for every section."""
    return list({str(problem): problem for problem in problems}.values())
