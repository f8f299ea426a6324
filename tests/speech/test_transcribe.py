"""Stage transcribe, with the real libvosk and the model of tone bursts."""

import mini_vosk
import pytest
from clips import clip
from speech_sounds import Burst, sound_of, write_wav

from rjcma import manifest
from rjcma.problem import Problem, Problems
from rjcma.speech import words
from rjcma.speech.settings import VoskSettings
from rjcma.speech.transcribe_all import transcribe_all
from stages import transcribe

VIDEOS = {"a": [Burst(0.5, 0.9, 300)], "b": [Burst(0.3, 0.7, 2000), Burst(1.1, 1.5, 300)], "c": []}
TEXTS = {"a": ["low"], "b": ["high", "low"], "c": []}


@pytest.fixture
def world(tmp_path):
    """A folder with three videos' sound, a manifest, the model and its params."""
    mini_vosk.build(tmp_path / "model")
    for video, bursts in VIDEOS.items():
        write_wav(tmp_path / f"audio/{video}.wav", sound_of(bursts, 2.3))
    videos = {"a": "a", "b": "b", "b_left": "b", "c": "c"}
    clips = [clip(name, 57, video=video, fps=25.0) for name, video in videos.items()]
    manifest.write(tmp_path / "clips.jsonl", clips)
    (tmp_path / "params.yaml").write_text(
        f"speech:\n  engine: vosk\n  model: {tmp_path / 'model'}\n"
    )
    return tmp_path


def run(world):
    transcribe.main(world / "clips.jsonl", world / "audio", world / "words", world / "params.yaml")


def texts(world) -> dict[str, list[str]]:
    return {
        path.stem: [word.text for word in words.read(path)]
        for path in sorted((world / "words").glob("*.json"))
    }


def stamps(world) -> dict[str, int]:
    return {path.name: path.stat().st_mtime_ns for path in (world / "words").glob("*.json")}


def test_each_video_has_a_file_of_words_and_clips_of_one_share_it(world):
    run(world)
    assert texts(world) == TEXTS


def test_words_do_not_depend_on_the_number_of_workers(world, monkeypatch):
    run(world)
    first = {path.name: path.read_bytes() for path in (world / "words").iterdir()}
    for path in (world / "words").iterdir():
        path.unlink()
    monkeypatch.setenv("RJCMA_WORKERS", "1")
    run(world)
    assert {path.name: path.read_bytes() for path in (world / "words").iterdir()} == first


def test_only_a_sound_that_changed_is_heard_again(world):
    run(world)
    before = stamps(world)
    write_wav(world / "audio/c.wav", sound_of([Burst(0.7, 1.1, 2000)], 2.3))
    run(world)
    assert texts(world) == {**TEXTS, "c": ["high"]}
    assert {name for name, stamp in stamps(world).items() if before[name] != stamp} == {"c.json"}


def test_another_model_in_the_same_folder_hears_all_again(world):
    run(world)
    before = stamps(world)
    listed = world / "model/graph/words.txt"
    listed.write_text(listed.read_text().replace("low 1", "deep 1"))
    run(world)
    assert texts(world) == {"a": ["deep"], "b": ["high", "deep"], "c": []}
    assert all(before[name] != stamp for name, stamp in stamps(world).items())


def test_a_sound_that_cannot_be_used_is_named_and_the_others_are_heard(world):
    (world / "audio/a.wav").unlink()
    (world / "audio/c.wav").write_bytes(b"not a WAV file")
    with pytest.raises(Problems) as caught:
        run(world)
    assert [problem.clip for problem in caught.value.problems] == ["a", "c"]
    assert texts(world) == {"b": TEXTS["b"]}


def test_a_missing_model_is_one_problem_and_leaves_no_words(world):
    (world / "model").rename(world / "elsewhere")
    with pytest.raises(Problem) as caught:
        run(world)
    assert "speech.model" in caught.value.cure and list((world / "words").iterdir()) == []


def test_words_that_stand_need_no_model(world):
    run(world)
    before = stamps(world)
    (world / "model").rename(world / "elsewhere")
    run(world)
    assert stamps(world) == before and len(before) == 3


def test_a_new_sound_needs_the_model_and_leaves_the_words_that_stand(world):
    run(world)
    before = stamps(world)
    (world / "model").rename(world / "elsewhere")
    write_wav(world / "audio/c.wav", sound_of([Burst(0.7, 1.1, 2000)], 2.3))
    with pytest.raises(Problem, match="no such folder"):
        run(world)
    assert stamps(world) == before


def test_a_model_that_is_moved_hears_nothing_again(world):
    run(world)
    before = stamps(world)
    (world / "model").rename(world / "elsewhere")
    params = world / "params.yaml"
    params.write_text(params.read_text().replace(str(world / "model"), str(world / "elsewhere")))
    run(world)
    assert stamps(world) == before


def test_no_videos_give_no_words(tmp_path):
    mini_vosk.build(tmp_path / "model")
    settings = VoskSettings(engine="vosk", model=str(tmp_path / "model"))
    transcribe_all([], tmp_path, tmp_path / "words", settings)
    assert texts(tmp_path) == {}
