"""Measure the sample's Vosk model with the real libvosk.

    python models/evaluate_vosk_sample.py [FOLDER]          (by default models/vosk-sample)

Test sentences are neither spoken in training nor counted in the bigram. Unless a line says
otherwise: rate 120-200, pitch 20-80, 0.1-0.6 s of silence before, 0.5 s after, peak -6 dBFS. A line
gives word errors in %, sentences with an error in %, the number of words, and the differences of
words' starts and ends to eSpeak's events, in ms (median, 95th percentile, largest).
"""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable, Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

import av
import numpy as np
import typer
from build_vosk_sample import coloured_noise, counted_texts, spoken_texts
from model_script import MODELS, SEED, Folder

from rjcma.sample import film
from rjcma.sample.sentences import VOCABULARY, plain_sentence
from rjcma.sample.voice import HELD_OUT_VOICES, SAMPLE_RATE_HZ, VOICES, Espeak
from rjcma.speech.vosk_engine import Vosk
from rjcma.speech.words import Word

NEVER_SEEN = ("en-us+m8", "en-us+croak", "en-us+whisper", "en-us+Andy", "en-gb-x-rp")

FREE = """
the baby is sleeping and now everything is quiet in our house
do not open that door again my friend
she and her sister were singing a lovely song at the party
why is the little girl crying in the garden
our teacher was very proud of us and we were so happy
please don't leave me here with the dog tonight
i never believe what my brother will do with his money
he was furious because they stole our car again
what is this strange song
stop it now and come here
how can you not miss your mother and your father
i am not afraid of you
yes she is happy but he is very very sad
no no no please stop shouting at the baby
there is nothing to do in the city tonight
always remember to close the window in the evening
this morning the office was horrible and we were so tired
""".strip().split("\n")
"""Sentences from the vocabulary that follow no template."""

Change = Callable[[Any], Any]
"""What happens to a sentence's audio before it is recognised."""


def main(folder: Folder = MODELS / "vosk-sample") -> None:
    """Measure the model in FOLDER."""
    trial = Trial(Vosk(str(folder)))
    both = (*VOICES, *HELD_OUT_VOICES)
    print(f"{'':44s}    WER  sent%  words  start med/p95/max  end med/p95/max")
    trial.run("unseen sentences, voices of the training", trial.sentences(300), VOICES)
    trial.run("unseen sentences, other voices", trial.sentences(300), HELD_OUT_VOICES)
    trial.run("free sentences, other voices", FREE * 5, HELD_OUT_VOICES)
    trial.run("random strings of words, other voices", trial.strings(150), HELD_OUT_VOICES)
    trial.run("through AAC in an mp4", trial.sentences(60), both, change=through_aac)
    for rate in (90, 160, 240, 280):
        trial.run(f"rate {rate}", trial.sentences(60), both, rate=rate)
    for pitch in (0, 50, 99):
        trial.run(f"pitch {pitch}", trial.sentences(60), both, pitch=pitch)
    for level in (-1, -24, -48):
        gain = 2 * 10 ** (level / 20)
        trial.run(f"peak {level} dBFS", trial.sentences(60), both, change=lambda a, g=gain: a * g)
    for ratio in (20, 10, 5):
        trial.run(f"white noise, SNR {ratio} dB", trial.sentences(60), both, change=noisy(ratio))
    for voice in NEVER_SEEN:
        trial.run(f"a voice of another kind: {voice}", trial.sentences(60), [voice])
    trial.where_nobody_speaks()


class Trial:
    """A recogniser, the synthetic voice, and the random numbers of the test."""

    def __init__(self, recogniser: Vosk) -> None:
        self.recogniser, self.espeak, self.rng = recogniser, Espeak(), random.Random(4242)
        self.seen = {*spoken_texts(SEED), *counted_texts(SEED)}

    def sentences(self, count: int) -> list[str]:
        """Sentences that occur in no training text."""
        texts: list[str] = []
        while len(texts) < count:
            text = plain_sentence(self.rng)
            if text not in self.seen:
                texts.append(text)
        return texts

    def strings(self, count: int) -> list[str]:
        """Random strings of words."""
        return [
            " ".join(self.rng.choices(VOCABULARY, k=self.rng.randint(4, 9))) for _ in range(count)
        ]

    def run(
        self,
        name: str,
        texts: Sequence[str],
        voices: Sequence[str],
        change: Change = lambda audio: audio,
        **fixed: int,
    ) -> None:
        """Say the texts, recognise them, and print the line of this trial."""
        wrong, starts, ends, words, bad = 0, [], [], 0, 0
        for text in texts:
            style = {
                "rate": self.rng.randint(120, 200),
                "pitch": self.rng.randint(20, 80),
                "pitch_range": self.rng.randint(20, 90),
                **fixed,
            }
            said = self.espeak.say(text, voice=self.rng.choice(voices), **style)
            lead = round(self.rng.uniform(0.1, 0.6) * SAMPLE_RATE_HZ)
            audio = np.pad(said.audio * 0.5 / np.abs(said.audio).max(), (lead, 8000))
            heard = self.recognise(change(audio))
            errors, same = aligned([w.text for w in said.words], [w.text for w in heard])
            wrong, words, bad = wrong + errors, words + len(said.words), bad + (errors > 0)
            before = lead / SAMPLE_RATE_HZ
            starts += [heard[j].start - said.words[i].start - before for i, j in same]
            ends += [heard[j].end - said.words[i].end - before for i, j in same]
        shares = f"{100 * wrong / words:6.2f} {100 * bad / len(texts):6.1f} {words:5d}"
        print(f"{name:44s} {shares}  {spread(starts)}  {spread(ends)}", flush=True)

    def recognise(self, audio: Any) -> list[Word]:
        """The words recognised in audio of full scale 1."""
        pcm = np.clip(np.round(audio * 32768), -32768, 32767).astype("<i2")
        return self.recogniser.words(Recording(pcm))

    def where_nobody_speaks(self) -> None:
        """Count the words that are recognised in noise and silence, of 30 s each."""
        print("\nwords heard where nobody speaks:")
        noise, size = np.random.default_rng(7), 30 * SAMPLE_RATE_HZ
        time = np.arange(size) / SAMPLE_RATE_HZ
        sounds = {
            "digital silence": np.zeros(size),
            "white noise, -50 dBFS": noise.normal(0, 10 ** (-50 / 20), size),
            "white noise, -15 dBFS": noise.normal(0, 10 ** (-15 / 20), size),
            "coloured noise": 0.05 * coloured_noise(noise, size),
            "a tone of 440 Hz": 0.3 * np.sin(2 * np.pi * 440 * time),
            "bursts of a tone": 0.3 * np.sin(2 * np.pi * 700 * time) * (time % 1 < 0.4),
        }
        for name, audio in sounds.items():
            print(f"  {name:42s} {len(self.recognise(audio))}")


class Recording(NamedTuple):
    """16-bit samples in memory, which the engine reads like a `Sound`."""

    pcm: Any

    def pieces(self, samples: int) -> Iterator[bytes]:
        """All samples, `samples` at a time."""
        for start in range(0, len(self.pcm), samples):
            yield self.pcm[start : start + samples].tobytes()


def aligned(said: Sequence[str], heard: Sequence[str]) -> tuple[int, list[tuple[int, int]]]:
    """The least number of edits between two lists of words, and the pairs of equal words."""
    edits = np.zeros((len(said) + 1, len(heard) + 1), int)
    edits[:, 0], edits[0] = range(len(said) + 1), range(len(heard) + 1)
    for i, word in enumerate(said):
        for j, other in enumerate(heard):
            swap, drop, add = (
                edits[i, j] + (word != other),
                edits[i, j + 1] + 1,
                edits[i + 1, j] + 1,
            )
            edits[i + 1, j + 1] = min(swap, drop, add)
    i, j, same = len(said), len(heard), []
    while i and j:
        if edits[i, j] == edits[i - 1, j - 1] + (said[i - 1] != heard[j - 1]):
            i, j = i - 1, j - 1
            same += [(i, j)] if said[i] == heard[j] else []
        elif edits[i, j] == edits[i - 1, j] + 1:
            i -= 1
        else:
            j -= 1
    return int(edits[-1, -1]), same


def through_aac(audio: Any) -> Any:
    """The audio, encoded as in the sample corpus and decoded again."""
    frames = iter([np.zeros((48, 64, 3), np.uint8)])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "film.mp4"
        film.write(path, frames, size=(64, 48), fps=Fraction(25), audio=audio.astype(np.float32))
        with av.open(str(path)) as container:
            resampler = av.AudioResampler("s16", "mono", SAMPLE_RATE_HZ)
            pieces = [
                piece.to_ndarray()[0]
                for frame in [*container.decode(audio=0), None]
                for piece in resampler.resample(frame)
            ]
    return np.concatenate(pieces) / 32768


def noisy(ratio_db: float) -> Change:
    """A change that adds white noise at this ratio of speech to noise."""
    noise = np.random.default_rng(5)

    def change(audio: Any) -> Any:
        return audio + noise.normal(size=len(audio)) * audio.std() * 10 ** (-ratio_db / 20)

    return change


def spread(errors: list[float]) -> str:
    """Median, 95th percentile and largest of absolute errors in seconds, as text in ms."""
    if not errors:
        return f"{'':4s} {'':4s} {'':5s}"
    ms = 1000 * np.abs(errors)
    return f"{np.median(ms):4.0f} {np.percentile(ms, 95):4.0f} {ms.max():5.0f}"


if __name__ == "__main__":
    typer.run(main)
