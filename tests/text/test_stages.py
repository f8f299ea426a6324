"""The stages `punctuate` and `embed_text` by the committed params: words in, text feature out."""

import random

import h5py
import numpy as np
import places
from clips import clip

from rjcma import manifest
from rjcma.sample.sentences import marked_words, written_sentence
from rjcma.speech.words import Word, read, write
from stages import embed_text, punctuate

ROOT = places.ROOT


def test_what_was_said_is_written_as_it_was_and_embedded_at_its_time(tmp_path, monkeypatch):
    rng = random.Random(11)
    texts = [written_sentence(rng) for _ in range(7)]
    plain = [word for text in texts for word, _ in marked_words(text)]
    times = np.arange(len(plain)) * 0.5  # half of which a word is spoken
    (tmp_path / "words").mkdir()
    words = [Word(word, time, time + 0.25, 1.0) for word, time in zip(plain, times, strict=True)]
    write(tmp_path / "words" / "v.json", words)
    said_in = clip("v", 4 * len(plain) + 3, "test", fps=8, decoded=4 * len(plain))
    manifest.write(tmp_path / "clips.jsonl", [said_in])
    monkeypatch.chdir(ROOT)

    punctuate.main(tmp_path / "words", tmp_path / "transcripts")
    embed_text.main(tmp_path / "clips.jsonl", tmp_path / "transcripts", tmp_path / "text")

    said = [word.text for word in read(tmp_path / "transcripts" / "v.json")]
    assert " ".join(said) == " ".join(texts)
    with h5py.File(tmp_path / "text" / "v.h5") as file:
        assert file["rows"].shape == (len(plain), 384)
        each_twice_then_silence = [item for n in range(len(plain)) for item in (n, n, -1, -1)]
        assert file["index"][...].tolist() == [*each_twice_then_silence, -1, -1, -1]
