"""Videos of one's own, predicted: what is computed, and what is written."""

from __future__ import annotations

import csv
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from clips import clip
from predict_world import FOLDS, FPS, RANGES, film

from rjcma import manifest
from rjcma.audio.extract_all import extract_all
from rjcma.audio.logmel_all import logmel_all
from rjcma.corpus.video import probe
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoders
from rjcma.params import checked
from rjcma.predict import outputs, tables
from rjcma.predict import predict as predicting
from rjcma.predict.engines import Asked, of_runs
from rjcma.predict.features import Features, Places
from rjcma.predict.outputs import Forms
from rjcma.predict.predict import Request, _files, predict
from rjcma.predict.result import Predicted
from rjcma.predict.trained import open_all
from rjcma.problem import Problem, Problems
from rjcma.speech.section import Speech
from rjcma.speech.transcribe_all import transcribe_all
from rjcma.speech.words import Word
from rjcma.text.embed_all import embed_all
from rjcma.text.punctuate_all import punctuate_all
from rjcma.text.settings import Punctuation, Text
from rjcma.training.saved import load_run
from rjcma.vision.faces_all import faces_all
from rjcma.vision.settings import Faces


@pytest.fixture(scope="module")
def work(tmp_path_factory) -> Path:
    """A working folder that the tests of this module share, as a user's calls do."""
    return tmp_path_factory.mktemp("work")


def predicted(world, work, *videos, **asked) -> list[Predicted]:
    request = {"person": None, "everyone": False, **asked}
    return list(predict(Request(list(videos), world.runs, work, **request)))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_predictions_are_those_of_the_features_that_the_stages_make(world, talk, work, tmp_path):
    (result,) = predicted(world, work, talk)
    said = world.sections()
    found = probe(talk)
    record = clip("talk", found.decoded, "test", fps=found.fps, file=str(talk), video_digest="d")
    clips, root = [record], Path("/")
    extract_all(clips, root, tmp_path / "audio")
    faces_all(clips, root, tmp_path / "faces", checked(Faces, said["faces"], "faces", ""))
    logmel_all(clips, tmp_path / "audio", tmp_path / "logmel")
    speech = checked(Speech, said["speech"], "speech", "")
    transcribe_all(clips, tmp_path / "audio", tmp_path / "words", speech)
    pauses = checked(Punctuation, said["punctuation"], "punctuation", "")
    punctuate_all(tmp_path / "words", tmp_path / "transcripts", pauses)
    text = checked(Text, said["text"], "text", "")
    embed_all(clips, tmp_path / "transcripts", tmp_path / "text", text)
    encoders = checked(Encoders, said["encoders"], "encoders", "")
    encode_all("visual", clips, tmp_path / "faces", tmp_path / "visual", encoders, 1)
    encode_all("audio", clips, tmp_path / "logmel", tmp_path / "voice", encoders, 1)
    folders = {"visual": "visual", "audio": "voice", "text": "text"}
    places = {m: tmp_path / name for m, name in folders.items()}
    for number, folder in enumerate(world.runs):
        target, fold = list(RANGES)[number // len(FOLDS)], number % len(FOLDS)
        by_hand = load_run(folder).predict(clips, places)["talk"].astype(np.float64)
        low, high = RANGES[target]
        own = low + (np.clip(by_hand, -1, 1) + 1) / 2 * (high - low)
        assert result.folds[target][fold] == pytest.approx(own.astype(np.float32), abs=1e-5)
    assert np.isfinite(result.boxes).all(axis=1).mean() > 0.9
    assert [word.text.lower().strip(".") for word in result.words] == ["low", "high"]


def test_a_second_call_makes_nothing_again(world, talk, work, capfd):
    predicted(world, work, talk)
    before = {path: path.stat().st_mtime_ns for path in work.rglob("*") if path.is_file()}
    capfd.readouterr()
    predicted(world, work, talk)
    assert "to make" not in capfd.readouterr().err
    assert before == {path: path.stat().st_mtime_ns for path in before}


def test_another_video_leaves_what_was_made_of_the_first(world, talk, work, tmp_path, capfd):
    predicted(world, work, talk)
    predicted(world, work, film(tmp_path / "other.mkv", 7))
    capfd.readouterr()
    predicted(world, work, talk)
    assert "to make" not in capfd.readouterr().err


def test_a_video_of_another_content_is_predicted_again(world, work, tmp_path):
    (before,) = predicted(world, work, film(tmp_path / "same.mkv", 9))
    (after,) = predicted(world, work, film(tmp_path / "same.mkv", 8))
    assert (before.clip.frames, after.clip.frames) == (9, 8)


def test_a_film_without_face_sound_or_length_is_predicted(world, work, tmp_path):
    films = [
        film(tmp_path / "room.mkv", 12, faces=False),
        film(tmp_path / "silent.mkv", 12, sound=False),
        film(tmp_path / "moment.mkv", 1),
    ]
    room, silent, moment = predicted(world, work, *films)
    assert np.isnan(room.boxes).all()
    assert silent.words == [] and np.isfinite(silent.mean("valence")).all()
    assert moment.mean("valence").shape == (1,)


def test_several_videos_come_in_the_order_given_and_one_that_fails_is_named_last(
    world, talk, work, tmp_path
):
    (tmp_path / "bad.mp4").write_bytes(b"no video at all")
    results = predict(Request([tmp_path / "bad.mp4", talk], world.runs, work))
    assert next(results).clip.name == "talk"
    with pytest.raises(Problems, match=r"bad\.mp4"):
        next(results)


def test_without_faces_and_words_the_networks_see_and_hear_none(world, talk, work):
    (with_all,) = predicted(world, work, talk)
    (without,) = predicted(world, work, talk, asked=Asked(faces=False, words=False))
    assert without.boxes is None and without.words == []
    assert (without.mean("valence") != with_all.mean("valence")).any()


def test_what_earlier_runs_made_of_another_video_of_the_name_is_not_shown(world, tmp_path):
    engines = of_runs(open_all(world.runs), Asked())
    places = Places(tmp_path, engines.id)
    for folder, end in ((places.faces, "h5"), (places.logmel, "h5"), (places.words, "json")):
        folder.mkdir(parents=True)
        (folder / f"talk.{end}").touch()

    def found(*modalities):
        now = engines._replace(modalities=frozenset(modalities))
        return set(_files(clip("talk", 5), now, places, tmp_path / "predictions"))

    assert found("visual", "audio", "text") == {"faces", "logmel", "words"}
    assert found("visual") == {"faces"} and found("audio") == {"logmel"}


def a_result(**changes) -> Predicted:
    """Five frames: two folds, a word from the second frame to the third, no face in the last."""
    boxes = np.full((5, 4), 3, np.float32)
    boxes[4] = np.nan
    folds = np.array([[1, 2, 3, 4, 5], [3, 2, 1, 4, 9]], np.float32)
    said = [Word('é,"', 0.1, 0.25, 0.9)]
    whole = Predicted(
        clip("five", 5, fps=10), Path("/v.mp4"), {"joy": (0, 10)}, {"joy": folds}, said, boxes
    )
    return whole._replace(**changes)


def test_a_row_has_the_folds_mean_and_spread_the_face_and_the_word(tmp_path):
    tables.write_csv(a_result(), tmp_path / "five.csv")
    table = rows(tmp_path / "five.csv")
    assert list(table[0]) == ["frame", "time", "joy", "joy_spread", "face", "word"]
    assert [row["frame"] for row in table] == list("01234")
    assert [float(row["time"]) for row in table] == pytest.approx([0, 0.1, 0.2, 0.3, 0.4])
    assert [float(row["joy"]) for row in table] == [2, 2, 2, 4, 7]
    assert [float(row["joy_spread"]) for row in table] == [1, 0, 1, 0, 2]
    assert [row["face"] for row in table] == ["1", "1", "1", "1", "0"]
    assert [row["word"] for row in table] == ["", 'é,"', 'é,"', "", ""]


def test_a_face_that_was_not_looked_for_is_neither_there_nor_missing(tmp_path):
    tables.write_csv(a_result(boxes=None), tmp_path / "five.csv")
    assert [row["face"] for row in rows(tmp_path / "five.csv")] == [""] * 5


def test_parquet_has_what_csv_has(tmp_path):
    parquet = pytest.importorskip("pyarrow.parquet")
    tables.write_csv(a_result(), tmp_path / "five.csv")
    tables.write_parquet(a_result(), tmp_path / "five.parquet")
    table = parquet.read_table(tmp_path / "five.parquet").to_pydict()
    written = rows(tmp_path / "five.csv")
    for name, column in table.items():
        assert len(column) == 5
        for value, row in zip(column, written):
            if name == "word":
                assert (value or "") == row[name]
            else:
                assert float(row[name]) == pytest.approx(float(value), abs=1e-6)


def test_without_the_library_parquet_is_refused_before_anything_is_made(
    world, talk, tmp_path, monkeypatch
):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    request = Request([talk], world.runs, tmp_path / "work")
    with pytest.raises(Problem, match=r"rjcma\[parquet\]"):
        list(outputs.write_all(request, tmp_path / "out", Forms(parquet=True)))
    assert list(tmp_path.iterdir()) == []


def test_what_cannot_be_written_is_refused_before_anything_is_made(world, talk, tmp_path):
    file = tmp_path / "file"
    file.touch()
    request = Request([talk], world.runs, tmp_path / "work")
    for out, overlay, words in (
        (file, None, r"file: found a file where a folder is to be; .* --out"),
        (tmp_path, file / "film.mp4", r"a file where a folder is to be; .* --overlay"),
        (tmp_path, tmp_path / "film.avi", r"another ending than \.mp4"),
        (tmp_path, Path("/proc/nowhere/film.mp4"), "--overlay"),
    ):
        with pytest.raises(Problem, match=words):
            list(outputs.write_all(request, out, Forms(overlay=overlay)))
    assert list(tmp_path.iterdir()) == [file]


def test_all_forms_are_written_and_the_film_is_kept(world, talk, work, tmp_path, capfd):
    forms = Forms(parquet=True, elan=True, trace=True, overlay=tmp_path / "film.mp4")
    list(outputs.write_all(Request([talk], world.runs, work), tmp_path / "out", forms))
    written = sorted(path.name for path in (tmp_path / "out").iterdir())
    assert written == ["talk.csv", "talk.elan.txt", "talk.parquet", "talk.png"]
    assert probe(tmp_path / "film.mp4").decoded == 30
    first = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    capfd.readouterr()
    list(outputs.write_all(Request([talk], world.runs, work), tmp_path / "out", forms))
    assert "to make" not in capfd.readouterr().err
    assert {path: path.read_bytes() for path in first} == first


def test_each_clip_has_a_file_and_a_line(world, talk, work, tmp_path):
    lines = list(outputs.write_all(Request([talk], world.runs, work), tmp_path / "out", Forms()))
    assert lines == [f"{tmp_path / 'out/talk.csv'}: 30 frames, 2 words, folds: 2"]
    table = rows(tmp_path / "out/talk.csv")
    assert len(table) == 30 and [p.name for p in (tmp_path / "out").iterdir()] == ["talk.csv"]
    low = [float(row["time"]) for row in table if row["word"].lower().startswith("low")]
    assert 0.3 <= min(low) <= 0.5 and 0.8 <= max(low) <= 1.0
    assert all(0 <= float(row["engagement"]) <= 100 for row in table)


def test_a_clip_of_ones_own_fits_the_manifest(world, talk, work, tmp_path):
    (result,) = predicted(world, work, talk)
    manifest.write(tmp_path / "clips.jsonl", [result.clip])
    assert manifest.read(tmp_path / "clips.jsonl") == [result.clip]
    assert result.clip.frame_times() == pytest.approx(np.arange(30) / FPS)


def test_libraries_are_loaded_before_features_are_made(world, talk, tmp_path, monkeypatch):
    """Two threads that import transformers at once fail, which a short video brought about."""
    order = []

    def slowly(name):
        time.sleep(0.5)
        order.append("loaded")

    make = Features.make
    monkeypatch.setattr(predicting, "importlib", SimpleNamespace(import_module=slowly))
    monkeypatch.setattr(predicting, "SLOW", ("slow",))
    monkeypatch.setattr(Features, "make", lambda *given: order.append("made") or make(*given))
    list(predict(Request([talk], world.runs, tmp_path / "work")))
    assert order[:2] == ["loaded", "made"]
