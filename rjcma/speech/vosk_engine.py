"""Vosk (Kaldi), the paper's recogniser (section 4.2.1), with any model folder.

A model is named by its folder, never by its name: given a name, the library would look for it on
the network. One loaded model serves all threads, each with a recogniser of its own.
"""

from __future__ import annotations

import functools
import json
import threading
from dataclasses import dataclass
from pathlib import Path

import vosk

from rjcma.problem import Problem
from rjcma.speech.engine import Engine
from rjcma.speech.sound import Sound
from rjcma.speech.vosk_model import unusable
from rjcma.speech.words import Word
from rjcma.wav import RATE

PIECE = 4000
"""Samples handed over at a time, a quarter of a second, as Vosk's own examples do. The recogniser
looks for the end of an utterance once a piece, so the words may depend on it."""

_loading = threading.Lock()


@dataclass(frozen=True)
class Vosk(Engine):
    """The engine `vosk`. A word's confidence is its posterior probability in the lattice."""

    def words(self, sound: Sound) -> list[Word]:
        recogniser = _recogniser(self.model or "")
        heard = []
        for piece in sound.pieces(PIECE):
            if recogniser.AcceptWaveform(piece):
                heard += _words(recogniser.Result())
        return heard + _words(recogniser.FinalResult())


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
        return unusable(Path(folder), f"a model that libvosk refuses ({error})")
    return model


def _stamp(folder: str) -> int:
    return max((path.stat().st_mtime_ns for path in Path(folder).rglob("*")), default=0)


def _words(result: str) -> list[Word]:
    """The words of a result, which has none of them where nothing was heard."""
    heard = json.loads(result).get("result", [])
    return [Word(word["word"], word["start"], word["end"], word["conf"]) for word in heard]
