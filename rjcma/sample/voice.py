"""The sample's voice: eSpeak NG through ctypes, with the times of its phones and words.

The library and its data come in the wheel `espeakng-loader`. eSpeak draws random numbers for some
voices, so each utterance is seeded by its text and style. Its variation of pitch goes on from one
utterance to the next, so each `Espeak` loads its own copy of the library.
"""

from __future__ import annotations

import copy
import ctypes
import itertools
import shutil
import tempfile
import zlib
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, NamedTuple

import espeakng_loader
import numpy as np
from numpy.typing import NDArray
from scipy.signal import resample_poly

from rjcma.sample.sentences import VOCABULARY
from rjcma.timeline import Seconds

SAMPLE_RATE_HZ = 16000
UP, DOWN = 320, 441  # from eSpeak's 22,050 Hz to SAMPLE_RATE_HZ
SILENCE = "SIL"
SHORTEST_SILENCE: Seconds = 0.030  # one frame of the sample's Vosk model
SHORTEST_PHONE: Seconds = 0.008

VOICES = (
    "en-us",
    *(f"en-us+m{variant}" for variant in (1, 2, 3, 4, 5, 7)),
    *(f"en-us+f{variant}" for variant in (1, 3, 4, 5)),
)
"""The voices that the sample's Vosk model was trained on."""

HELD_OUT_VOICES = ("en-us+m6", "en-us+f2")
"""Voices that are not in that training, for testing."""

ALIKE = {
    "I#": "I",
    "I2": "I",
    "@2": "@",
    "@-": "@",
    "3": "3:",
    "o@": "O@",
    "t2": "t",
    "r-": "r",
    "aa": "a",
    "aI@": "aI3",
    "i@": "i@3",
}
"""eSpeak's phones that are replaced by another phone that sounds alike."""
STRESS_MARKS = "',=%|"


class Span(NamedTuple):
    """A phone or a word, with its start and end."""

    text: str
    start: Seconds
    end: Seconds


class Utterance(NamedTuple):
    """Speech: mono audio (float32, full scale 1, at SAMPLE_RATE_HZ), its phones and its words."""

    text: str
    audio: NDArray[np.float32]
    phones: list[Span]
    words: list[Span]


Lexicon = dict[str, Counter[tuple[str, ...]]]
"""The pronunciations of each word, as names of phones, and how often each occurred."""


class Espeak:
    """eSpeak NG. The same texts in the same order give the same bytes.

    `lexicon` counts the pronunciations of each word so far; it serves to separate words that eSpeak
    runs together. It starts as a copy of the given lexicon; without one, each word of the
    vocabulary is said once.
    """

    def __init__(self, lexicon: Lexicon | None = None) -> None:
        self.library, self.rate_hz = _library()
        self.lexicon: Lexicon = defaultdict(Counter, copy.deepcopy(lexicon or {}))
        for word in VOCABULARY if lexicon is None else ():
            self.say(word)

    def say(
        self,
        text: str,
        voice: str = "en-us",
        rate: int = 160,
        pitch: int = 50,
        pitch_range: int = 50,
        volume: int = 100,
    ) -> Utterance:
        """Say plain words. `rate` is in words per minute; `pitch` and `pitch_range` are 0 to 99.

        `volume` 100 is eSpeak's default. Raises `ValueError` for a voice that eSpeak does not have.
        """
        self._prepare(text, voice, rate, pitch, pitch_range, volume)
        audio, events = self._synthesise(text)
        words = text.split()
        phones = self._phones(words, events, len(audio) / self.rate_hz)
        return Utterance(
            text,
            resample_poly(audio, UP, DOWN).astype(np.float32),
            [Span(phone.name, phone.start, phone.end) for phone in phones],
            [_spoken(word, index, phones) for index, word in enumerate(words)],
        )

    def _prepare(self, *style: Any) -> None:
        _, voice, rate, pitch, pitch_range, volume = style
        if self.library.espeak_SetVoiceByName(voice.encode()):
            raise ValueError(f"eSpeak has no voice {voice}")
        for parameter, value in ((1, rate), (2, volume), (3, pitch), (4, pitch_range)):
            self.library.espeak_SetParameter(parameter, value, 0)
        seed = zlib.crc32(repr(style).encode())
        self.library.espeak_ng_SetRandSeed(ctypes.c_long(seed))

    def _synthesise(self, text: str) -> tuple[NDArray[np.float32], list[_Event]]:
        pieces: list[NDArray[np.float32]] = []
        events: list[_Event] = []

        def receive(wave: Any, count: int, given: Any) -> int:
            if count > 0 and wave:
                pieces.append(np.ctypeslib.as_array(wave, (count,)).astype(np.float32))
            for event in itertools.takewhile(
                lambda e: e.type, (given[i] for i in itertools.count())
            ):
                seconds = event.sample / self.rate_hz
                name = event.id.string.decode() if event.type == _PHONEME else ""
                events.append(_Event(event.type, event.text_position, seconds, name))
            return 0

        callback = _CALLBACK(receive)
        self.library.espeak_SetSynthCallback(callback)
        data = text.encode()
        self.library.espeak_Synth(data, len(data) + 1, 0, 1, 0, 1, None, None)
        return np.concatenate(pieces) / np.float32(32768), events

    def _phones(self, words: list[str], events: list[_Event], total: Seconds) -> list[_Phone]:
        phones = _tidied(_phones_from(words, events, total))
        spoken = [phone for phone in phones if phone.name != SILENCE]
        firsts = [*sorted({phone.word for phone in spoken}), len(words)]
        for first, after in itertools.pairwise(firsts):
            group = [phone for phone in spoken if phone.word == first]
            split = self._split(words[first:after], [phone.name for phone in group])
            for phone, offset in zip(group, split):
                phone.word = first + offset
        return phones

    def _split(self, words: Sequence[str], names: list[str]) -> list[int]:
        """The index of each phone's word; the pronunciations are added to the lexicon.

        eSpeak gives no event for the second word of a few pairs ("in the"). Of all ways to divide
        such a pair's phones, the one with most pronunciations that are known so far is taken.
        """
        cuts = itertools.combinations(range(1, len(names)), len(words) - 1)
        ways = [
            [tuple(names[a:b]) for a, b in itertools.pairwise((0, *cut, len(names)))]
            for cut in cuts
        ]
        best = max(ways, key=lambda way: sum(p in self.lexicon[w] for w, p in zip(words, way)))
        for word, pronunciation in zip(words, best):
            self.lexicon[word][pronunciation] += 1
        return [index for index, pronunciation in enumerate(best) for _ in pronunciation]


@dataclass
class _Phone:
    name: str
    start: Seconds
    end: Seconds
    word: int  # index of the word that it belongs to


class _Event(NamedTuple):
    kind: int
    position: int  # of a word's first letter in the text, counted from 1
    start: Seconds
    name: str  # of a phone


def _phones_from(words: list[str], events: list[_Event], total: Seconds) -> list[_Phone]:
    """The phones of the events, each lasting until the next."""
    starts = itertools.accumulate([1] + [len(word) + 1 for word in words])
    index_at = dict(zip(starts, range(len(words))))
    word = 0
    phones: list[_Phone] = []
    for event in events:
        if event.kind == _WORD:
            word = index_at.get(event.position, word)
        elif event.kind == _PHONEME:
            name = event.name.lstrip(STRESS_MARKS)
            if phones:
                phones[-1].end = event.start
            phones.append(_Phone(ALIKE.get(name, name), event.start, total, word))
    return phones


def _tidied(given: list[_Phone]) -> list[_Phone]:
    """The phones, silences named SILENCE; one too short to hear is joined to the phone before."""
    phones: list[_Phone] = []
    for phone in given:
        silent = phone.name.startswith("_")
        shortest = SHORTEST_SILENCE if silent else SHORTEST_PHONE
        too_short = phone.name == ";" or phone.end - phone.start < shortest
        if phones and (too_short or (silent and phones[-1].name == SILENCE)):
            phones[-1].end = phone.end
        elif phone.end > phone.start:
            phones.append(replace(phone, name=SILENCE) if silent else phone)
    return phones


def _spoken(word: str, index: int, phones: list[_Phone]) -> Span:
    own = [phone for phone in phones if phone.word == index and phone.name != SILENCE]
    return Span(word, own[0].start, own[-1].end)


class _Id(ctypes.Union):
    _fields_ = [
        ("number", ctypes.c_int),
        ("name", ctypes.c_char_p),
        ("string", ctypes.c_char * 8),
    ]


class _EspeakEvent(ctypes.Structure):
    """`espeak_EVENT` of eSpeak NG's speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("uid", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user", ctypes.c_void_p),
        ("id", _Id),
    ]


_CALLBACK = ctypes.CFUNCTYPE(
    ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_EspeakEvent)
)
_SYNCHRONOUS, _PHONEME_EVENTS = 2, 1
_WORD, _PHONEME = 1, 7  # kinds of event


def _library() -> tuple[ctypes.CDLL, int]:
    """A new copy of eSpeak NG, in its initial state, and its sample rate in Hz."""
    original = Path(espeakng_loader.get_library_path())
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        library = ctypes.CDLL(shutil.copy(original, folder))  # stays loaded without the file
    data = espeakng_loader.get_data_path().encode()
    return library, library.espeak_Initialize(_SYNCHRONOUS, 0, data, _PHONEME_EVENTS)
