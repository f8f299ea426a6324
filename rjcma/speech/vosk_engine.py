"""Vosk (Kaldi), the paper's recogniser (section 4.2.1), with any model folder.

A model is named by its folder, never by its name: given a name, the library would look for it on
the network. One loaded model serves all threads, each with a recogniser of its own.
"""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import vosk

from rjcma.clipwise import digest_folder
from rjcma.problem import Problem
from rjcma.speech.engine import Engine
from rjcma.speech.sound import Sound
from rjcma.speech.words import Word
from rjcma.wav import RATE

PIECE = 4000
"""Samples handed over at a time, a quarter of a second, as Vosk's own examples do. The recogniser
looks for the end of an utterance once a piece, so the words may depend on it."""

NEEDED = (
    "am/final.mdl",
    "conf/mfcc.conf",
    "conf/model.conf",
    "graph/words.txt",
    "graph/phones/word_boundary.int",  # without it the times of words would be wrong
)
STATIC_GRAPH = ("graph/HCLG.fst",)
DYNAMIC_GRAPH = ("graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int")
ENDPOINTS = "--endpoint.silence-phones="

_loading = threading.Lock()


@dataclass(frozen=True)
class Vosk(Engine):
    """The engine `vosk`. A word's confidence is its posterior probability in the lattice."""

    workers = "threads"
    example = "models/vosk-model-en-us-0.22"

    def identity(self) -> str:
        check(Path(self.model or ""))
        return f"vosk {version('vosk')} {digest_folder(Path(self.model or ''))}"

    def words(self, sound: Sound) -> list[Word]:
        recogniser = _recogniser(self.model or "")
        heard = []
        for piece in sound.pieces(PIECE):
            if recogniser.AcceptWaveform(piece):
                heard += _words(recogniser.Result())
        return heard + _words(recogniser.FinalResult())


def check(folder: Path) -> None:
    """Raise `Problem` unless a folder holds the files of a Vosk model.

    Where one of them is missing, libvosk would fail without naming it, or end the process.
    """
    if not folder.is_dir():
        raise _problem(folder, "no such folder")
    dynamic = (folder / DYNAMIC_GRAPH[0]).exists() and not (folder / STATIC_GRAPH[0]).exists()
    graph = DYNAMIC_GRAPH if dynamic else STATIC_GRAPH
    for name in (*NEEDED, *graph):
        file = folder / name
        if not file.is_file() or not file.stat().st_size:
            raise _problem(folder, f"{'an empty' if file.is_file() else 'no'} {name} in it")
    if ENDPOINTS not in (folder / "conf/model.conf").read_text(errors="replace"):
        raise _problem(folder, f"a conf/model.conf without {ENDPOINTS}")


def _recogniser(folder: str) -> vosk.KaldiRecognizer:
    with _loading:
        model = _model(folder, _stamp(folder))
    if isinstance(model, Problem):
        raise model
    recogniser = vosk.KaldiRecognizer(model, RATE)
    recogniser.SetWords(True)
    return recogniser


@functools.lru_cache(maxsize=1)
def _model(folder: str, stamp: int) -> vosk.Model | Problem:
    """The loaded model, or why it is of no use; found out once, however many sounds wait for it.

    `stamp` changes with the folder's files, so that what is kept is never outdated.
    """
    vosk.SetLogLevel(-1)
    try:
        model = vosk.Model(folder)
        vosk.KaldiRecognizer(model, RATE)  # fails where the model's parts do not fit together
    except Exception as error:  # the library raises nothing more particular
        return _problem(Path(folder), f"a model that libvosk refuses ({error})")
    return model


def _stamp(folder: str) -> int:
    return max((path.stat().st_mtime_ns for path in Path(folder).rglob("*")), default=0)


def _words(result: str) -> list[Word]:
    """The words of a result, which has none of them where nothing was heard."""
    heard = json.loads(result).get("result", [])
    return [Word(word["word"], word["start"], word["end"], word["conf"]) for word in heard]


def _problem(folder: Path, found: str) -> Problem:
    return Problem(
        file=folder,
        found=found,
        expected="the folder of a Vosk model (speech.model)",
        cure="download a model such as vosk-model-en-us-0.22, the paper's, from"
        " https://alphacephei.com/vosk/models, unpack it into models/ and name its folder,"
        f" {Vosk.example}, in speech.model",
    )
