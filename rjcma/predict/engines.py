"""The engines and models with which videos are treated: those that the runs' features were made by.

Runs record the settings of all engines, and the digests of their models (`rjcma.training.engines`).
Where a model is on this machine is not theirs to say: a params file may name another place.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any, NamedTuple

from rjcma.encoders import identity
from rjcma.encoders.settings import Encoders
from rjcma.jobs import code
from rjcma.jobs.digests import digest_value
from rjcma.jobs.recipe import Model, flat, modules_of
from rjcma.models.hints import with_hint
from rjcma.params import checked, keyed, load
from rjcma.predict.trained import Trained
from rjcma.problem import Problem, Problems
from rjcma.speech import transcribe_all
from rjcma.speech.section import Speech
from rjcma.text import embed_all, punctuate_all
from rjcma.text.settings import Punctuation, Text
from rjcma.training.engines import ENGINES
from rjcma.training.settings import Training
from rjcma.vision import model
from rjcma.vision.settings import Faces, Haar, YuNet

SECTIONS: dict[str, Any] = {
    "faces": Faces,
    "speech": Speech,
    "punctuation": Punctuation,
    "text": Text,
    "encoders": Encoders,
}
"""The sections that decide how features are made."""

NEEDED = {
    "visual": ("faces", "encoders"),
    "audio": ("encoders",),
    "text": ("speech", "punctuation", "text"),
}
"""By modality, the sections that make its features."""

OTHERS = "--other-engines"


class Asked(NamedTuple):
    """What the user says about engines."""

    params: Path | None = None
    """A params file that says where models are; None: params.yaml, if there is one."""
    others: bool = False
    """Whether the engines of that file are taken, in place of the runs'."""
    detector: str | None = None
    """haar, or the file of YuNet's network, for runs that were trained on given crops."""
    faces: bool = True
    """Whether faces are looked for."""
    words: bool = True
    """Whether words are recognised."""


class Engines(NamedTuple):
    """How features are made of videos."""

    faces: Faces
    speech: Any
    punctuation: Any
    text: Text
    encoders: Encoders
    seed: int
    """From which stage encode draws random weights."""
    modalities: frozenset[str]
    """Those that the runs use."""
    looks: bool
    """Whether faces are looked for."""
    listens: bool
    """Whether words are recognised."""

    @property
    def id(self) -> str:
        """A short digest of all that decides the features."""
        sections = {name: keyed(getattr(self, name)) for name in SECTIONS if name != "encoders"}
        encoders = {m: identity.keyed(self.encoders, m) for m in ("visual", "audio")}
        models = {key: str(m) for key, m in _models(self).items()}
        return digest_value([sections, encoders, models, self.seed, self.looks, self.listens])[:12]


def of_runs(runs: Sequence[Trained], asked: Asked) -> Engines:
    """The engines of these runs, and their models on this machine.

    Raises `Problem` for runs that do not say what their features were made with, or that differ in
    it, and for engines that are not theirs; `Problems`, a line each, for models that are missing
    here or are not theirs.
    """
    local = _local(asked)
    if asked.others:
        sections, models = local, None
    else:
        sections, models = recorded(runs)
        sections = _placed(sections, models, local, asked, _needed(runs))
    engines = _detecting(_assembled(sections, runs, asked), asked, models is None)
    _refuse_libraries(engines)
    _refuse_models(engines, models or {})
    return engines


def recorded(runs: Sequence[Trained]) -> tuple[dict[str, Any], Mapping[str, str]]:
    """The sections that all runs recorded, and their models' digests.

    Raises `Problem` for a run that recorded none, or others than the first.
    """
    for run in runs:
        if run.engines is None:
            raise Problem(
                file=run.folder,
                found="a run that does not say by which engines its features were made",
                expected="engines.json in the run's folder, as stage train writes it",
                cure=f"run `dvc repro` where it was trained, or give {OTHERS}, which takes those"
                " of --params",
            )
    first = runs[0].engines
    assert first is not None
    sections = _sections(runs[0], first.params)
    for run in runs[1:]:
        assert run.engines is not None
        same = run.engines.models == first.models and all(
            keyed(section) == keyed(sections[name])  # the models' places may differ
            for name, section in _sections(run, run.engines.params).items()
        )
        if not same:
            raise Problem(
                file=run.folder,
                found=f"features made with other engines or models than those of {runs[0].folder}",
                expected="runs of the same features",
                cure="predict with each of them in a call of its own",
            )
    return sections, first.models


def _sections(run: Trained, params: Mapping[str, Any]) -> dict[str, Any]:
    return {name: _recorded(params, name, run.folder / ENGINES) for name in SECTIONS}


def _recorded(params: Mapping[str, Any], name: str, where: Path) -> Any:
    """A section that a run recorded. Raises `Problem` for one of another version."""
    cure = f"update rjcma, or give {OTHERS}"
    if name not in params:
        found = f"no section {name}"
        raise Problem(file=where, found=found, expected="all sections of engines", cure=cure)
    try:
        return checked(SECTIONS[name], params[name], name, where)
    except Problem as problem:
        found, expected = problem.found, problem.expected
        raise Problem(file=where, found=found, expected=expected, cure=cure) from None


def _local(asked: Asked) -> dict[str, Any]:
    """The sections of the params file that was given; or of params.yaml, if there is one."""
    path = asked.params or Path("params.yaml")
    if not path.is_file():
        if asked.params is None and not asked.others:
            return {}
        raise Problem(
            file=path,
            found="a folder" if path.is_dir() else "no such file",
            expected="a params file",
            cure="correct --params",
        )
    sections = {name: load(path, name, schema) for name, schema in SECTIONS.items()}
    return {**sections, "seed": load(path, "training", Training).seed}


def _placed(
    sections: Mapping[str, Any],
    models: Mapping[str, str],
    local: Mapping[str, Any],
    asked: Asked,
    needed: Collection[str],
) -> dict[str, Any]:
    """The runs' sections; with the params file's places of models that are not where they say.

    Its devices are taken too. Raises `Problem` if a params file was given whose engines are others.
    """
    placed = dict(sections)
    for name in sections:
        if name not in local:
            continue
        differences = list(_differences(keyed(sections[name]), keyed(local[name])))
        if name == "faces" and sections["faces"].detector is None:
            differences = []  # trained on given crops: any detector is as good
            if asked.params is not None and local["faces"].detector is not None:
                placed["faces"] = local["faces"].model_copy(update={"size": sections["faces"].size})
        elif not differences:
            at_place = _has_models(name, sections[name], models)
            placed[name] = _on_device(sections[name], local[name]) if at_place else local[name]
        if differences and asked.params is not None and name in needed:
            raise Problem(
                file=asked.params,
                found=f"{name}.{differences[0][0]} = {differences[0][2]}",
                expected=f"{differences[0][1]}, with which the features of the runs were made",
                cure=f"correct it, or give {OTHERS} to predict with other engines than the runs'",
            )
    return placed


def _has_models(name: str, section: Any, models: Mapping[str, str]) -> bool:
    """Whether the recorded models are where this section says."""
    return all(models.get(key, found) == found for key, found in _models_of(name, section).items())


def _on_device(section: Any, local: Any) -> Any:
    """The section with the device of another."""
    known = "device" in type(section).model_fields
    return section.model_copy(update={"device": local.device}) if known else section


def _differences(
    recorded: Mapping[str, Any], local: Mapping[str, Any]
) -> Iterator[tuple[str, Any, Any]]:
    """Each value that differs: its dotted key, and both values."""
    ours, theirs = dict(flat(recorded)), dict(flat(local))
    for key in sorted(ours.keys() | theirs.keys()):
        if ours.get(key) != theirs.get(key):
            yield key, ours.get(key), theirs.get(key)


def _needed(runs: Sequence[Trained]) -> set[str]:
    """The sections that make the features of these runs."""
    return {name for run in runs for m in run.settings.modalities for name in NEEDED[m]}


def _assembled(sections: Mapping[str, Any], runs: Sequence[Trained], asked: Asked) -> Engines:
    modalities = frozenset(m for run in runs for m in run.settings.modalities)
    chosen = {name: sections[name] for name in SECTIONS}
    return Engines(
        **chosen,
        seed=int(sections.get("seed", runs[0].settings.training.seed)),
        modalities=modalities,
        looks="visual" in modalities and asked.faces,
        listens="text" in modalities and asked.words,
    )


def _detecting(engines: Engines, asked: Asked, others: bool) -> Engines:
    """The engines with the detector that was asked for."""
    if not engines.looks:
        return engines
    faces = engines.faces
    if asked.detector is not None:
        detector = _detector(asked.detector, faces.detector)
        if faces.detector is not None and detector.engine != faces.detector.engine and not others:
            raise Problem(
                file="--detector",
                found=asked.detector,
                expected=f"{faces.detector.engine}, which found the faces that the runs know",
                cure=f"leave it out, or give {OTHERS} too",
            )
        faces = faces.model_copy(update={"detector": detector})
    if faces.detector is None:
        raise Problem(
            file="--detector",
            found="none, and runs that were trained on crops that came with their corpus",
            expected="what finds faces in videos",
            cure="give --detector haar, or --detector FILE with YuNet's ONNX file, which finds"
            " more; or --no-faces to predict without faces",
        )
    return engines._replace(faces=faces)


def _detector(name: str, before: Haar | YuNet | None) -> Haar | YuNet:
    """The detector of this name; with the settings that it had `before`, if it is the same."""
    if name == "haar":
        return before if isinstance(before, Haar) else Haar.model_validate({"engine": "haar"})
    if isinstance(before, YuNet):
        return before.model_copy(update={"model": name})
    return YuNet.model_validate({"engine": "yunet", "model": name})


def _models(engines: Engines) -> dict[str, Model]:
    """The models that are needed, by params key."""
    used = []
    used += ["faces"] if engines.looks else []
    used += ["speech", "punctuation"] if engines.listens else []
    used += ["text"] if "text" in engines.modalities else []
    models = {k: m for name in used for k, m in _models_of(name, getattr(engines, name)).items()}
    encoders = _models_of("encoders", engines.encoders)
    return models | {k: m for k, m in encoders.items() if k.split(".")[1] in engines.modalities}


def _models_of(name: str, section: Any) -> dict[str, Model]:
    """The models that a section names, by params key; of encoders, those that are run once."""
    if name == "encoders":
        once = [m for m in ("visual", "audio") if _is_once(section, m)]
        return identity.models(section, once)
    of: dict[str, Callable[[Any], dict[str, Model]]] = {
        "faces": model.models,
        "speech": transcribe_all.models,
        "punctuation": punctuate_all.models,
        "text": embed_all.models,
    }
    return of[name](section)


def _is_once(encoders: Encoders, modality: str) -> bool:
    return bool(getattr(encoders, modality).mode == "precompute")


def _refuse_libraries(engines: Engines) -> None:
    """Raise `Problem` for an engine whose library is not installed here."""
    used: dict[str, Any] = (
        {"faces.detector.engine": engines.faces.detector} if engines.looks else {}
    )
    if engines.listens:
        used |= {"speech.engine": engines.speech, "punctuation.engine": engines.punctuation}
    for key, section in used.items():
        try:
            code.libraries(modules_of(section.implementation))
        except PackageNotFoundError as error:
            raise Problem(
                file=f"{key}: {section.engine}",
                found=f"no library {error.name}",
                expected="the library of this engine, with which the runs' features were made",
                cure=f"pip install {error.name}, or give {OTHERS} with another engine in --params",
            ) from None


def _refuse_models(engines: Engines, recorded: Mapping[str, str]) -> None:
    """Raise `Problems` for models that are missing here, or that are not those of the runs."""
    problems = []
    for key, found in _models(engines).items():
        if isinstance(found, Problem):
            problems.append(with_hint(found, key, _place(engines, key), _kind(engines, key)))
        elif recorded.get(key, found) != found:
            problems.append(
                Problem(
                    file=f"{key}: {_place(engines, key)}",
                    found=f"another model ({found})",
                    expected=f"the model with which the runs' features were made ({recorded[key]})",
                    cure=f"put that model there, name its place in a params file (--params), or"
                    f" give {OTHERS}",
                )
            )
    if problems:
        raise Problems(problems)


def _kind(engines: Engines, key: str) -> str:
    """The kind of the encoder, or the recogniser, whose model this key names; else empty."""
    if key.startswith("speech."):
        return str(engines.speech.engine)
    encoder = engines.encoders.of(key.split(".")[1]) if key.startswith("encoders.") else None
    return str(getattr(encoder, "kind", ""))


def _place(engines: Engines, key: str) -> str:
    """Where a model was looked for."""
    section, *rest = key.split(".")
    value = getattr(engines, section)
    for name in rest:
        value = getattr(value, name)
    return str(value)
