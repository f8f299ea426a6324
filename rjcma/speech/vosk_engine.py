"""Vosk (Kaldi), the paper's recogniser (section 4.2.1), with any model folder.

A model is given by its folder, never by its name: for a name, the library would search the
network. All threads share one loaded model; each has its own recogniser.
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
"""Samples passed on at a time, 0.25 s, as in Vosk's own examples. The recogniser checks for the end
of an utterance once per piece, so the words may depend on this number."""

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
    """The loaded model, or the problem with it; loaded once for all sounds.

    `stamp` changes with the folder's files, so that the cached model is never outdated.
    """
    vosk.SetLogLevel(-1)
    try:
        model = vosk.Model(folder)
        vosk.KaldiRecognizer(model, RATE)  # fails if the model's parts do not fit together
    except Exception as error:  # the library raises no more specific type
        return unusable(Path(folder), f"a model that libvosk refuses ({error})")
    return model


def _stamp(folder: str) -> int:
    return max((path.stat().st_mtime_ns for path in Path(folder).rglob("*")), default=0)


def _words(result: str) -> list[Word]:
    """The words of a result; it lacks the key `result` if nothing was recognised."""
    heard = json.loads(result).get("result", [])
    return [Word(word["word"], word["start"], word["end"], word["conf"]) for word in heard]
