"""PocketSphinx with the US English model of its wheel: real speech, nothing to download.

A sound is cut into utterances at long silences; speech without long silences is cut at its quietest
moments. Only silence is left out: a block counts as speech if one of its 30 ms frames does. Each
utterance is decoded on its own, normalised by its own cepstral mean, so its words do not depend on
what was decoded before.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import pocketsphinx
from numpy.typing import NDArray

from rjcma.speech.engine import Engine
from rjcma.speech.sound import Sound
from rjcma.speech.words import Word
from rjcma.wav import RATE

Samples = NDArray[np.int16]

FRAMES_A_SECOND = 100
FRAME = RATE // FRAMES_A_SECOND  # samples
VOICE_FRAME = 3 * FRAME  # samples that the voice activity detector judges at once
BLOCK = 10 * VOICE_FRAME  # samples, 0.3 s: silence is left out in whole blocks
SILENCE = 4  # blocks without a voice that end an utterance (ours)
SHORTEST, LONGEST = 10 * RATE, 30 * RATE  # samples of an utterance without such silence (ours)
PAUSE = 30  # frames: without such silence, speech is cut amid its quietest 0.3 s (ours)
AUDIBLE = FRAME * 10  # samples: less has no word, and the decoder fails on less than 0.06 s
LOUD = 8000  # of 32768: a sound with a lower peak is amplified for the detector (ours)

FILLER = ("<", "[")  # <s>, </s>, <sil>, [NOISE], [SPEECH]
PRONUNCIATION = re.compile(r"\(\d+\)$")  # the(2) is the second pronunciation of the


@dataclass(frozen=True)
class PocketSphinx(Engine):
    """The engine `pocketsphinx`.

    A word's confidence is its posterior probability: the share of transcriptions with this word at
    this time among all that the decoder kept for the utterance.
    """

    def words(self, sound: Sound) -> list[Word]:
        gain = max(1, LOUD // max(1, _peak(sound)))
        blocks = (gain * block for block in _blocks(sound))
        return [word for start, speech in utterances(blocks) for word in _decoded(start, speech)]


def utterances(blocks: Iterable[Samples]) -> Iterator[tuple[int, Samples]]:
    """The utterances of a sound, each with the number of its first sample.

    Each begins and ends with one block of silence, if possible. At most one is held in memory.
    """
    detector = pocketsphinx.Vad()
    start, held, quiet = 0, np.zeros(0, np.int16), SILENCE
    for block in blocks:
        held = np.concatenate([held, block])
        quiet = 0 if _voiced(detector, block) else quiet + 1
        if quiet == SILENCE:
            yield start, held[: len(held) - len(block) - (SILENCE - 2) * BLOCK]
        if quiet >= SILENCE:
            start, held = start + len(held) - len(block), block
        if len(held) > LONGEST:
            cut = quietest(held, SHORTEST, LONGEST)
            yield start, held[:cut]
            start, held = start + cut, held[cut:]
    if quiet < SILENCE:
        yield start, held


def quietest(samples: Samples, first: int, last: int) -> int:
    """The middle of the quietest stretch between two samples, which are whole frames apart."""
    frames = samples[first:last].reshape(-1, FRAME).astype(np.float64)
    energies = np.convolve((frames**2).sum(1), np.ones(PAUSE), "valid")
    return first + FRAME * (int(energies.argmin()) + PAUSE // 2)


def _blocks(sound: Sound) -> Iterator[Samples]:
    return (np.frombuffer(piece, "<i2").astype(np.int16) for piece in sound.pieces(BLOCK))


def _peak(sound: Sound) -> int:
    return max((int(np.abs(block.astype(np.int32)).max()) for block in _blocks(sound)), default=0)


def _voiced(detector: pocketsphinx.Vad, block: Samples) -> bool:
    """Whether any frame of a block is voice. The detector sees every frame, since it adapts."""
    frames = np.pad(block, (0, -len(block) % VOICE_FRAME)).reshape(-1, VOICE_FRAME)
    voices = [detector.is_speech(frame.tobytes()) for frame in frames]
    return any(voices)


def _decoded(start: int, speech: Samples) -> Iterator[Word]:
    """The words of one utterance, whose first sample has the number `start`."""
    if len(speech) < AUDIBLE:
        return
    decoder = _decoder()
    decoder.reinit_feat()  # forget the utterances before
    decoder.start_utt()
    decoder.process_raw(speech.tobytes(), full_utt=True)
    decoder.end_utt()
    for segment in decoder.seg() or ():
        if not segment.word.startswith(FILLER):
            yield Word(
                PRONUNCIATION.sub("", segment.word),
                start / RATE + segment.start_frame / FRAMES_A_SECOND,
                start / RATE + (segment.end_frame + 1) / FRAMES_A_SECOND,
                min(segment.prob, 1.0),
            )


@functools.lru_cache(maxsize=1)
def _decoder() -> pocketsphinx.Decoder:
    return pocketsphinx.Decoder(samprate=RATE, cmn="batch", loglevel="FATAL")
