"""Sound files: read in pieces, or refused."""

import tracemalloc
import wave

import numpy as np
import pytest
from speech_sounds import write_wav

from rjcma.problem import Problem
from rjcma.speech.sound import Sound
from rjcma.wav import RATE

RAMP = np.arange(1009, dtype="<i2")


def problem_of(path) -> Problem:
    with pytest.raises(Problem) as caught:
        list(Sound(path, "video").pieces(100))
    assert caught.value.clip == "video" and caught.value.file == str(path)
    return caught.value


@pytest.mark.parametrize("samples", [1, 7, 1008, 1009, 1010])
def test_the_pieces_are_the_sound(tmp_path, samples):
    pieces = list(Sound(write_wav(tmp_path / "v.wav", RAMP)).pieces(samples))
    assert b"".join(pieces) == RAMP.tobytes()
    assert {len(piece) for piece in pieces[:-1]} <= {2 * samples}


def test_a_sound_of_no_samples_has_no_pieces(tmp_path):
    assert list(Sound(write_wav(tmp_path / "v.wav", RAMP[:0])).pieces(7)) == []


@pytest.mark.parametrize(
    ("form", "found"),
    [
        ({"rate": 44_100}, "44100 Hz, 1 channels, 16 bits"),
        ({"channels": 2}, "16000 Hz, 2 channels, 16 bits"),
        ({"width": 1}, "16000 Hz, 1 channels, 8 bits"),
    ],
)
def test_a_sound_of_another_format_is_refused(tmp_path, form, found):
    problem = problem_of(write_wav(tmp_path / "v.wav", RAMP[:1000], **form))
    assert problem.found == found and problem.expected == "16000 Hz, 1 channel, 16 bits"


def test_a_file_that_is_missing_or_no_wav_is_refused(tmp_path):
    assert problem_of(tmp_path / "v.wav").found == "no such file"
    for content in (b"", b"RIFF", b"not a WAV file at all"):
        (tmp_path / "v.wav").write_bytes(content)
        assert problem_of(tmp_path / "v.wav").expected == "a WAV file"


def test_a_file_cut_short_is_refused_and_not_taken_for_a_short_sound(tmp_path):
    path = write_wav(tmp_path / "v.wav", RAMP)
    path.write_bytes(path.read_bytes()[:-500])
    problem = problem_of(path)
    assert (problem.found, problem.expected) == ("an end after 759 samples", "the header's 1009")


def test_two_hours_are_never_whole_in_memory(tmp_path):
    path, samples = tmp_path / "v.wav", 2 * 3600 * RATE
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, samples, "NONE", ""))
        file.writeframesraw(b"")
        file._file.seek(2 * samples - 1, 1)  # the zeros take no room on the disk
        file._file.write(b"\0")
        file._datawritten = 2 * samples
    tracemalloc.start()
    read = sum(len(piece) for piece in Sound(path).pieces(3 * RATE))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert read == 2 * samples and peak < 1e6
