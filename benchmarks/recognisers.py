"""The recognisers, side by side: word errors, and speed on one core.

    python -m benchmarks.recognisers [FOLDER]

Each recogniser hears sentences in the sample's synthetic voices (none was spoken in the training of
the sample's Vosk model) and, if a FOLDER is given, its recordings: `<name>.wav` or `.flac` beside
`<name>.txt`, what is said. Errors are wrong, missing and extra words per word said.
"""

from __future__ import annotations

import random
import re
import tempfile
import time
import wave
from pathlib import Path
from typing import Annotated, NamedTuple

import av
import numpy as np
import typer
from numpy.typing import NDArray
from torchaudio.functional import edit_distance

from rjcma.sample.sentences import plain_sentence
from rjcma.sample.voice import HELD_OUT_VOICES, SAMPLE_RATE_HZ, Espeak
from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.sound import Sound
from rjcma.speech.vosk_engine import Vosk
from rjcma.wav import RATE

ENGINES = {
    "Vosk, the sample's model": Vosk("models/vosk-sample"),
    "PocketSphinx": PocketSphinx(),
}
SENTENCES = 60


class Recording(NamedTuple):
    """A sound of the recognisers' rate, and the words said in it."""

    path: Path
    words: list[str]


def main(folder: Annotated[Path | None, typer.Argument()] = None) -> None:
    """Print a line per recogniser and source."""
    with tempfile.TemporaryDirectory() as place:
        sources = {f"{SENTENCES} sentences, synthetic voices": synthetic(Path(place))}
        if folder is not None:
            sources["recordings"] = recordings(folder, Path(place))
        for name, sounds in sources.items():
            seconds = sum(length(sound.path) for sound in sounds)
            words = sum(len(sound.words) for sound in sounds)
            print(f"{name}: {words} words in {seconds:.0f} s")
            for engine, recogniser in ENGINES.items():
                recogniser.words(Sound(sounds[0].path, "warm-up"))
                began = time.perf_counter()
                heard = [recogniser.words(Sound(s.path, s.path.stem)) for s in sounds]
                spent = time.perf_counter() - began
                texts = [normal(" ".join(word.text for word in words)) for words in heard]
                wrong = sum(edit_distance(s.words, t) for s, t in zip(sounds, texts, strict=True))
                print(
                    f"  {engine:25s} {100 * wrong / words:5.1f} % of words wrong,"
                    f" {spent / seconds:.3f} s per second of sound",
                    flush=True,
                )


def synthetic(place: Path) -> list[Recording]:
    """Sentences of the sample's templates in voices that its model did not learn from."""
    rng, espeak, sounds = random.Random(4242), Espeak(), []
    for number in range(SENTENCES):
        text = plain_sentence(rng)
        said = espeak.say(
            text, voice=rng.choice(HELD_OUT_VOICES), rate=160, pitch=50, pitch_range=50
        )
        audio = np.pad(said.audio * 0.5 / np.abs(said.audio).max(), SAMPLE_RATE_HZ // 2)
        path = place / f"sentence-{number:02d}.wav"
        write(path, np.round(audio * 32767).astype("<i2"))
        sounds.append(Recording(path, normal(text)))
    return sounds


def recordings(folder: Path, place: Path) -> list[Recording]:
    """The recordings in a folder, with the words beside them."""
    sounds = []
    for text in sorted(folder.glob("*.txt")):
        source = next(p for e in (".wav", ".flac") if (p := text.with_suffix(e)).exists())
        path = place / f"{text.stem}.wav"
        write(path, decoded(source))
        sounds.append(Recording(path, normal(text.read_text())))
    return sounds


def decoded(source: Path) -> NDArray[np.int16]:
    """A recording's samples at the recognisers' rate, mono."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(source)) as container:
        frames = [*container.decode(audio=0), None]
        return np.concatenate([p.to_ndarray()[0] for f in frames for p in resampler.resample(f)])


def write(path: Path, samples: NDArray[np.int16]) -> None:
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", "not compressed"))
        file.writeframes(samples.tobytes())


def normal(text: str) -> list[str]:
    """The words of a text in lower case, without punctuation."""
    return re.sub(r"[^a-z' ]", " ", text.lower()).split()


def length(path: Path) -> float:
    with wave.open(str(path)) as file:
        return file.getnframes() / RATE


if __name__ == "__main__":
    typer.run(main)
