"""PocketSphinx on real recordings of people, in the folder RJCMA_SHARED."""

import difflib

import av
import numpy as np
import pytest
from speech_sounds import RATE, real_media, write_wav

from rjcma.speech.pocketsphinx_engine import PocketSphinx
from rjcma.speech.sound import Sound

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


def heard(path, folder):
    """The recognised words of any sound or video file, converted to a WAV of the pipeline."""
    resampler = av.AudioResampler("s16", "mono", RATE)
    with av.open(str(path)) as media:
        frames = [f for frame in [*media.decode(audio=0), None] for f in resampler.resample(frame)]
    samples = np.concatenate([frame.to_ndarray()[0] for frame in frames])
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
