"""PocketSphinx and Whisper on real recordings of people, in the folder RJCMA_SHARED.

Whisper needs published weights: RJCMA_WHISPER names the folder of such a model.
"""

import difflib

import av
import numpy as np
import pytest
from speech_sounds import RATE, real_media, real_whisper, word_errors, write_wav

from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.sound import Sound
from rjcma.speech.whisper_engine import Whisper

KENNEDY = (
    "and so my fellow americans ask not what your country can do for you "
    "ask what you can do for your country"
)
TYPESETTING = (
    "the invention of movable metal letters in the middle of the fifteenth century may justly be "
    "considered as the invention of the art of printing"
)

SPOKEN = {  # words that are certainly said in clips of the corpus: people have heard them
    "grid_brbk7n": "red by seven now",
    "retalk_1": "my biggest asking for help when needed i like to do better",
    "retalk_2": "california congressional district chase my own dreams growing up",
    "hdtf_hill": "my second week of new member orientation",
    "hdtf_ocasio": "for our country and our world",
}


def samples_of(path):
    """The samples of any sound or video file, as the pipeline has them."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(path)) as media:
        frames = [f for frame in [*media.decode(audio=0), None] for f in resampler.resample(frame)]
    return np.concatenate([frame.to_ndarray()[0] for frame in frames])


def heard(path, folder):
    """The words that PocketSphinx recognises in any sound or video file."""
    samples = samples_of(path)
    words = PocketSphinx().words(Sound(write_wav(folder / "v.wav", samples)))
    assert [w.start for w in words] == sorted(w.start for w in words)
    assert all(0 <= w.start < w.end <= len(samples) / RATE + 0.02 for w in words)
    return [word.text for word in words]


def common(said, words):
    """How many of the words said are recognised, in their order."""
    blocks = difflib.SequenceMatcher(None, said, words, autojunk=False).get_matching_blocks()
    return sum(block.size for block in blocks)


@pytest.mark.parametrize(("name", "said"), [("jfk.flac", KENNEDY), ("LJ001-0005.wav", TYPESETTING)])
def test_most_words_of_a_clear_speaker_are_heard(tmp_path, name, said):
    words = heard(real_media() / "speech" / name, tmp_path)
    assert common(said.split(), words) >= 0.7 * len(said.split())


@pytest.mark.parametrize("clip", SPOKEN)
def test_people_in_videos_are_heard(tmp_path, clip):
    (video,) = (real_media() / "corpus_real/videos").glob(f"{clip}.*")
    said = SPOKEN[clip].split()
    assert common(said, heard(video, tmp_path)) >= 0.7 * len(said)


def plain(text):
    return "".join(c for c in text.casefold() if c.isalnum())


@pytest.mark.parametrize(("name", "said"), [("jfk.flac", KENNEDY), ("LJ001-0005.wav", TYPESETTING)])
def test_whisper_hears_a_clear_speaker_and_again_in_long_sound(tmp_path, name, said):
    """Long sound is the recording again and again, so that seams fall amid its words."""
    model, samples = real_whisper(), samples_of(real_media() / "speech" / name)
    times = 1 + 100 * RATE // len(samples)
    sound = Sound(write_wav(tmp_path / "v.wav", np.tile(samples, times)))
    words = Whisper(model, language="en").words(sound)
    starts = [word.start for word in words]
    assert starts == sorted(starts)
    assert all(0 <= word.start <= word.end <= times * len(samples) / RATE for word in words)
    assert word_errors(said.split() * times, [plain(word.text) for word in words]) <= (
        0.1 * len(said.split()) * times
    )
    for n in range(times):  # each repetition has its words at their times
        within = [w for w in words if n <= (w.start + w.end) / 2 / (len(samples) / RATE) < n + 1]
        assert abs(len(within) - len(said.split())) <= 3
