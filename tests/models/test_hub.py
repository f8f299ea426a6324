"""Models from the Hugging Face hub, by its own library, from a server that stands in for it."""

from __future__ import annotations

from pathlib import Path

import pytest
import stand_in_hub
from hostile_server import answer, dripping, silent

from rjcma.models import fetch, record
from rjcma.models.registry import Entry
from rjcma.problem import Problem

FOLDER = Path("models")
COMMIT, OTHER = "a" * 40, "b" * 40
FILES = {
    "config.json": b"{}",
    "vocab.txt": b"a\nb\n",
    "model.safetensors": b"w" * 5000,
    "pytorch_model.bin": b"b" * 7000,
    "onnx/model.onnx": b"o",
    "README.md": b"#",
}
NEEDED = {name: FILES[name] for name in ("config.json", "vocab.txt", "model.safetensors")}


def entry(**changed) -> Entry:
    plain = {"purpose": "p", "params": "text: x", "key": "text.model", "lands": "bert"}
    return Entry(name="bert", hub="lab/bert", **plain, **{"revision": COMMIT, **changed})


@pytest.fixture
def hub(server, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", server.url)
    return stand_in_hub.Hub(server, "lab/bert", COMMIT, dict(FILES))


@pytest.fixture
def patient(limits):
    """The process that the library works in takes a second to start."""
    return limits._replace(reply=8.0, pace_seconds=1.0)


def here() -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (FOLDER / "bert").rglob("*")}


def failed(entry: Entry, limits) -> str:
    with pytest.raises(Problem) as problem:
        fetch.fetch(entry, FOLDER, limits)
    assert "\n" not in str(problem.value) and not (FOLDER / "bert").exists()
    return str(problem.value)


def test_a_model_comes_in_one_form_at_the_pinned_commit(hub, patient):
    said = fetch.fetch(entry(), FOLDER, patient)
    assert f"verified: as the hub has it at the pinned revision {COMMIT[:8]}" in said
    assert here() == NEEDED
    assert record.read(FOLDER / record.NAME)["bert"].revision == COMMIT


def test_a_model_that_is_not_pinned_stays_at_the_commit_of_the_first_fetch(hub, patient):
    del hub.files["model.safetensors"]
    assert "unverified" in fetch.fetch(entry(revision=None), FOLDER, patient)
    assert "pytorch_model.bin" in here()
    for path in (FOLDER / "bert").iterdir():
        path.unlink()
    (FOLDER / "bert").rmdir()
    hub.commit = OTHER
    assert "answer 404" in failed(entry(revision=None), patient)


def test_a_commit_that_the_hub_does_not_have_is_a_line(hub, patient):
    assert "answer 404" in failed(entry(revision=OTHER), patient)


@pytest.mark.parametrize(
    "lie, told",
    [
        ({"lfs": {"sha256": "0" * 64, "size": 5000, "pointerSize": 1}}, "another sha256"),
        ({"size": "many"}, "many"),
    ],
)
def test_a_file_that_is_not_what_the_hub_lists_is_refused(hub, patient, lie, told):
    hub.lies["model.safetensors"] = lie
    assert told in failed(entry(), patient)


def test_weights_that_are_not_the_published_ones_are_refused(hub, patient):
    assert "another sha256 than published" in failed(
        entry(checksums={"model.safetensors": "0" * 64}), patient
    )
    assert not list(FOLDER.glob(".*"))


def test_a_refusal_is_a_line(hub, server, patient):
    server.odd[f"/api/models/lab/bert/revision/{COMMIT}?blobs=true"] = answer(403)
    assert "answer 403" in failed(entry(), patient)


def test_a_listing_that_is_none_is_a_line(hub, patient):
    hub.info = lambda value: "[]"
    assert "must be a map" in failed(entry(), patient)


def test_a_hub_that_is_silent_is_left(hub, server, patient):
    server.odd[f"/api/models/lab/bert/revision/{COMMIT}?blobs=true"] = silent
    assert "no answer within 5 seconds" in failed(entry(), patient._replace(reply=5.0))
    assert server.paths()  # it was asked: the library itself was not too slow


def test_a_hub_that_drips_is_left(hub, server, patient):
    def drip(handler):
        if handler.command == "HEAD":
            hub.answer(handler)
        else:
            dripping(FILES["model.safetensors"], 0.1)(handler)

    server.odd[f"/lab/bert/resolve/{COMMIT}/model.safetensors"] = drip
    assert "bytes in 1 seconds" in failed(entry(), patient)


def test_a_user_who_forbids_the_hub_is_asked_to_allow_it(hub, patient, monkeypatch):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert "HF_HUB_OFFLINE" in failed(entry(), patient)
