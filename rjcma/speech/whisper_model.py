"""The folder of a Whisper model, checked without loading the model."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from reprlib import repr as shorter
from typing import Any

from rjcma.jobs.files import read_json
from rjcma.problem import Problem
from rjcma.speech.section import WhisperSettings
from rjcma.text import model_files

KEY = "speech.model"
CONFIG, GENERATION = "config.json", "generation_config.json"
WEIGHTS = (
    "model.safetensors",
    "pytorch_model.bin",
    "model.safetensors.index.json",
    "pytorch_model.bin.index.json",
)
TOKENIZERS = ("tokenizer.json", "vocab.json")
EXTRACTORS = ("preprocessor_config.json", "processor_config.json")

FILES = "all files of a Whisper model, as transformers' save_pretrained writes them"


def identity(settings: WhisperSettings) -> str | Problem:
    """What identifies the model (`rjcma.text.model_files`); or the problem with it."""
    try:
        check(settings.model)
    except Problem as problem:
        return problem
    return model_files.identity(settings.model, key=KEY)


def check(name: str) -> None:
    """Raise `Problem` unless the model called `name` is here and has the files of a Whisper.

    Of a model on the hub that may be downloaded (HF_HUB_OFFLINE=0) nothing is checked here.
    """
    folder = Path(model_files.locate(name, key=KEY))
    if not folder.is_dir():
        return
    kind = _read(folder / CONFIG).get("model_type")
    if kind != "whisper":
        raise unusable(
            name,
            f"a model of type {kind}",
            "a Whisper model of transformers",
            f"name another model in {KEY}, or another speech.engine",
        )
    for choices in (WEIGHTS, TOKENIZERS, EXTRACTORS, (GENERATION,)):
        if not any((folder / file).is_file() for file in choices):
            raise unusable(name, f"no {' and no '.join(choices[:2])} in it", FILES)
    refuse_generation(name, _read(folder / GENERATION))


def refuse_generation(name: str, says: Mapping[str, Any]) -> None:
    """Raise `Problem` unless a generation_config says what Whisper needs to write words."""
    token = (_is_token, "the number of a token")
    needed = {
        "no_timestamps_token_id": token,
        "decoder_start_token_id": token,
        "eos_token_id": (_is_end, "the number of one token"),
    }
    if says.get("is_multilingual", True):
        needed["lang_to_id"] = (_are_languages, "a token such as <|en|> and its number, for each")
        needed["task_to_id"] = (_are_tasks, "transcribe and the number of its token")
    cure = f"copy {GENERATION} from the model on which this one is based, as published today"
    for key, (is_right, expected) in needed.items():
        value = says.get(key)
        if value is None:
            whole = "what Whisper needs to write words"
            raise unusable(name, f"a {GENERATION} without {key}", whole, cure)
        if not is_right(value):
            raise unusable(name, f"a {GENERATION} with {key} {shorter(value)}", expected, cure)


def end_of(says: Mapping[str, Any]) -> int:
    """The token that ends a text, which transformers may write as a list of one."""
    token = says["eos_token_id"]
    return int(token[0] if isinstance(token, list) else token)


def wrong_language(settings: WhisperSettings) -> Problem | None:
    """The problem with the language of the settings, if the model is here and does not know it."""
    try:
        check(settings.model)
        folder = Path(model_files.locate(settings.model, key=KEY))
        says = _read(folder / GENERATION)
    except Problem:
        return None  # a missing or unusable model is reported by its identity
    return language_problem(says, settings.language)


def language_problem(says: Mapping[str, Any], language: str | None) -> Problem | None:
    """The problem with a language, for a model whose generation_config says this."""
    known = languages(says)
    if language is None or language in known:
        return None
    only = " (it knows English only)" if known == ["en"] else ", which this model knows"
    return Problem(
        file="speech.language",
        found=repr(language),
        expected=f"one of {', '.join(known)}{only}, or null to detect it",
        cure="correct speech.language, or name another model in speech.model",
    )


def languages(says: Mapping[str, Any]) -> list[str]:
    """The codes of the languages that a model knows, from its generation_config."""
    if not says.get("is_multilingual", True):
        return ["en"]
    return sorted(token.strip("<|>") for token in says["lang_to_id"])


def unusable(name: str, found: str, expected: str, cure: str = "") -> Problem:
    """The problem of a model that cannot be used."""
    again = f"copy or download the model again, or name another in {KEY}"
    return Problem(file=f"{KEY}: {name}", found=found, expected=expected, cure=cure or again)


def _is_token(value: object) -> bool:
    return type(value) is int


def _is_end(value: object) -> bool:
    return _is_token(value[0] if isinstance(value, list) and len(value) == 1 else value)


def _are_languages(value: object) -> bool:
    if not isinstance(value, dict) or not value:
        return False
    return all(
        token.startswith("<|") and token.endswith("|>") and _is_token(number)
        for token, number in value.items()
    )


def _are_tasks(value: object) -> bool:
    return isinstance(value, dict) and _is_token(value.get("transcribe"))


def _read(path: Path) -> dict[str, Any]:
    content = read_json(path, expected=FILES, cure=f"copy or download {path.name} again")
    return content if isinstance(content, dict) else {}
