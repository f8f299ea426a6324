"""Provenance in files: what it says, that the content stays, and that the bytes are the same."""

from __future__ import annotations

import json
import time
from pathlib import Path

import h5py
import numpy as np
import pytest
from safetensors.numpy import load_file, safe_open, save_file

from rjcma import store
from rjcma.jobs import adoption, provenance, work
from rjcma.jobs.digests import digest_read
from rjcma.jobs.inputs import MISSING, digest_inputs
from rjcma.jobs.ledger import Ledger
from rjcma.jobs.work import Job, Work
from rjcma.speech import words
from rjcma.speech.words import Word

SPOKEN = [Word("héllo", 0.5, 0.75, 1.0), Word("you", 1.0, 1.25, 0.5)]
ROWS, INDEX = np.arange(15, dtype=np.float32).reshape(5, 3), np.array([2, -1, 0, 4, 1, 1, 3])
RUN = {
    "target": "valence",
    "fold": 0,
    "params": {"recursions": 3},
    "labels": "one",
    "features": {"text": "two"},
}


def feature(out: Path) -> None:
    store.write(out, ROWS, INDEX)


def reference(target: Path, out: Path) -> None:
    store.refer(target, "digest", out)


def transcript(out: Path) -> None:
    words.write(out, SPOKEN)


def silence(out: Path) -> None:
    words.write(out, [])


def card(out: Path) -> None:
    out.write_text(json.dumps({"target": "valence", "train": ["a"]}, indent=2) + "\n")


def weights(out: Path) -> None:
    tensors = {"b": np.arange(7, dtype=np.float32), "a": np.ones((2, 3), np.int64)}
    save_file(tensors, out, metadata={"run": json.dumps(RUN, sort_keys=True)})


def sound(out: Path) -> None:
    out.write_bytes(b"RIFF")


FORMS = {
    feature: ".h5",
    transcript: ".json",
    silence: ".json",
    card: ".json",
    weights: ".safetensors",
    sound: ".wav",
}
SETTINGS = {"target": "valence", "fold": 0, "recursions": 3}
INPUTS = {"clips": "zero", "labels": "one", "text": "two"}


def work_of(make, folder, **other):
    jobs = [Job("anna", (), INPUTS)]
    known = {"settings": SETTINGS, "models": {"speech.model": "m"}, "stage": "stage", **other}
    return Work(make, jobs, folder, FORMS[make], workers="here", quiet=True, **known)


def made(make, folder, **other) -> Path:
    work.run(work_of(make, folder, **other))
    return folder / f"anna{FORMS[make]}"


def plain(make, tmp_path) -> Path:
    """The file as the function alone writes it."""
    path = tmp_path / f"plain{FORMS[make]}"
    make(path)
    return path


IN_FILE = [make for make in FORMS if make is not sound]


@pytest.mark.parametrize("make", IN_FILE, ids=lambda make: make.__name__)
def test_a_file_says_what_it_was_made_of(make, tmp_path):
    path = made(make, tmp_path / "out")
    recipe = work_of(make, tmp_path).recipe
    assert provenance.read(path) == {
        "file": path.name,
        "clip": "anna",
        "stage": "stage",
        "function": f"{__name__}:{make.__name__}",
        "package": provenance.package(),
        "code": recipe.code,
        "libraries": recipe.libraries,
        "settings": SETTINGS,
        "models": {"speech.model": "m"},
        "inputs": INPUTS,
        "content": digest_read(plain(make, tmp_path)),
    }


@pytest.mark.parametrize("make", FORMS, ids=lambda make: make.__name__)
def test_the_same_recipe_and_inputs_give_the_same_bytes_in_any_folder_at_any_time(
    make, tmp_path, monkeypatch
):
    one = made(make, tmp_path / "one")
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 1e6)
    two = made(make, tmp_path / "two" / "deeper")
    assert one.read_bytes() == two.read_bytes()
    assert Ledger(one.parent).path.read_bytes() == Ledger(two.parent).path.read_bytes()
    assert str(tmp_path).encode() not in one.read_bytes() + Ledger(one.parent).path.read_bytes()


def test_readers_do_not_see_the_provenance(tmp_path):
    reader = store.FeatureReader(made(feature, tmp_path / "h5"), clip="anna", frames=7)
    assert np.array_equal(reader.rows[...], ROWS) and np.array_equal(reader.index, INDEX)
    assert words.read(made(transcript, tmp_path / "words")) == SPOKEN
    assert words.read(made(silence, tmp_path / "silence")) == []
    path = made(weights, tmp_path / "weights")
    with safe_open(path, "np") as file:
        assert json.loads(file.metadata()["run"]) == RUN
    read, expected = load_file(path), load_file(plain(weights, tmp_path))
    assert read.keys() == expected.keys()
    assert all(np.array_equal(read[name], expected[name]) for name in expected)


def test_what_the_metadata_of_weights_say_is_not_said_twice(tmp_path):
    with safe_open(made(weights, tmp_path / "out"), "np") as file:
        about = json.loads(file.metadata()["about"])
    assert about["settings"] == {} and about["inputs"] == {"clips": "zero"}


def test_a_reference_says_what_it_was_made_of_and_is_read_as_its_target(tmp_path):
    (tmp_path / "faces").mkdir()
    target = tmp_path / "faces" / "anna.h5"
    feature(target)
    jobs = [Job("anna", (target,), {"values": "digest"})]
    work.run(Work(reference, jobs, tmp_path / "visual", ".h5", workers="here", quiet=True))
    path = tmp_path / "visual" / "anna.h5"
    assert provenance.read(path)["inputs"] == {"values": "digest"}
    reader = store.FeatureReader(path, clip="anna", frames=7)
    assert np.array_equal(reader.rows[...], ROWS) and reader.path == path
    assert path.stat().st_size < 10_000


def test_a_file_without_a_place_for_it_has_its_provenance_in_the_ledger(tmp_path):
    path = made(sound, tmp_path / "out")
    assert path.read_bytes() == b"RIFF"
    entry = Ledger(path.parent).entries["anna.wav"]
    assert entry.about["inputs"] == INPUTS and entry.about["clip"] == "anna"
    assert entry.of_content == entry.digest and "code" not in entry.about


def test_a_file_that_is_not_of_the_form_that_its_name_says_is_a_problem(tmp_path):
    with pytest.raises(Exception, match="no JSON object") as caught:
        work.run(Work(_list, [Job("a", (), {})], tmp_path / "out", ".json", workers="here"))
    assert "Problems" in type(caught.value).__name__
    assert {path.name for path in (tmp_path / "out").iterdir()} == {".keys", ".failed"}


def _list(out: Path) -> None:
    out.write_text("[1]\n")


@pytest.mark.parametrize("name", ["a.h5", "a.json", "a.safetensors", "a.wav"])
@pytest.mark.parametrize("content", [None, b"", b"{}", b"\x00\xff" * 99])
def test_what_cannot_be_read_has_no_provenance(name, content, tmp_path):
    if content is not None:
        (tmp_path / name).write_bytes(content)
    assert provenance.read(tmp_path / name) is None


# ------------------------------------------------------------------------- keys of inputs


@pytest.fixture
def code(monkeypatch):
    """Sets the digest of all code."""

    def change(version: str) -> None:
        monkeypatch.setattr("rjcma.jobs.code.digest", lambda modules: version)

    change("before")
    return change


@pytest.mark.parametrize("make", FORMS, ids=lambda make: make.__name__)
def test_other_code_with_the_same_content_leaves_the_digest_of_an_input(make, tmp_path, code):
    path = made(make, tmp_path / "out")
    bytes_before, before = path.read_bytes(), digest_inputs([path])
    code("after")
    made(make, tmp_path / "out")
    assert digest_inputs([path]) == before == [digest_read(plain(make, tmp_path))]
    assert (path.read_bytes() == bytes_before) == (make is sound)
    assert make is sound or provenance.read(path)["code"] == "after"


def test_an_edited_input_and_one_without_a_ledger_count_as_they_are(tmp_path):
    path = made(transcript, tmp_path / "out")
    path.write_bytes(path.read_bytes().replace(b"you", b"she"))
    (tmp_path / "b.json").write_bytes(path.read_bytes())
    paths = [path, tmp_path / "none.json", tmp_path / "b.json"]
    assert digest_inputs(paths) == [digest_read(path), MISSING, digest_read(path)]
    made(transcript, tmp_path / "out")
    assert digest_inputs([path]) == [digest_read(plain(transcript, tmp_path))]


@pytest.mark.parametrize("make", FORMS, ids=lambda make: make.__name__)
def test_adoption_compares_files_without_their_provenance_and_keeps_it(make, tmp_path, code):
    path = made(make, tmp_path / "out")
    before = path.read_bytes()
    code("after")
    adoption.adopt([work_of(make, tmp_path / "out")], 1)
    assert path.read_bytes() == before
    entry = Ledger(path.parent).entries[path.name]
    recipes = Ledger(path.parent).recipes
    assert (recipes[entry.recipe].code, recipes[entry.made_by].code) == ("after", "before")


def test_an_adopted_file_that_is_taken_over_brings_what_its_ledger_says(tmp_path, code):
    path = made(feature, tmp_path / "out")
    code("after")
    adoption.adopt([work_of(feature, tmp_path / "out")], 1)
    other = made(feature, tmp_path / "other", elsewhere=[path.parent])
    assert other.read_bytes() == path.read_bytes()
    assert Ledger(other.parent).path.read_bytes() == Ledger(path.parent).path.read_bytes()


def test_provenance_in_hdf5_is_one_attribute_of_the_file(tmp_path):
    with h5py.File(made(feature, tmp_path / "out")) as file:
        assert list(file.attrs) == ["about"]
        assert json.loads(file.attrs["about"])["clip"] == "anna"
