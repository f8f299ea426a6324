"""RJCMA_MODELS: models from a folder or a server of one's own, for machines without internet."""

from __future__ import annotations

import functools
import hashlib
import io
import json
import threading
import zipfile
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from rjcma.models import fetch, record
from rjcma.models.registry import Entry
from rjcma.problem import Problem

FOLDER = Path("models")
FILES = {"am/final.mdl": bytes(range(200)), "config": b"{}", "config.json": b"{} "}
PLAIN = {"purpose": "p", "params": "x: y", "key": "k"}
VOSK = Entry(name="vosk", lands="vosk-1", url="https://127.0.0.1:9/vosk-1.zip", **PLAIN)
BERT = Entry(name="bert", lands="bert", hub="lab/bert", **PLAIN)
FACES = Entry(name="faces", lands="res50.pth", ask="ask its authors", **PLAIN)


@pytest.fixture
def there(tmp_path):
    """A folder models/ of another clone, in which two models were fetched."""
    folder = tmp_path / "there"
    for entry in (VOSK, BERT):
        for name, content in FILES.items():
            path = folder / entry.lands / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
        made = record.Fetched(source="x", files=record.files_of(folder / entry.lands))
        record.add(folder / record.NAME, entry.name, made)
    (folder / "res50.pth").write_bytes(b"weights")
    return folder


@pytest.fixture(params=["folder", "server"])
def place(request, there, monkeypatch):
    """What RJCMA_MODELS is: that folder, or a plain file server of Python's library."""
    if request.param == "folder":
        monkeypatch.setenv("RJCMA_MODELS", str(there))
        yield there
        return

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            pass

    make = functools.partial(Handler, directory=str(there))
    server = ThreadingHTTPServer(("127.0.0.1", 0), make)
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    monkeypatch.setenv("RJCMA_MODELS", f"http://127.0.0.1:{server.server_address[1]}/")
    yield there
    server.shutdown()
    server.server_close()


def get(entry, limits) -> str:
    return fetch.fetch(entry, FOLDER, limits)


def failed(entry, limits) -> str:
    with pytest.raises(Problem) as problem:
        get(entry, limits)
    assert "\n" not in str(problem.value)
    assert not (FOLDER / entry.lands).exists()
    return str(problem.value)


def here(entry) -> dict[str, bytes]:
    folder = FOLDER / entry.lands
    files = [path for path in folder.rglob("*") if path.is_file()]
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in files}


@pytest.mark.parametrize("entry", [VOSK, BERT], ids=lambda entry: entry.name)
def test_a_model_comes_as_the_record_there_has_it(place, limits, entry):
    get(entry, limits)
    assert here(entry) == FILES
    assert set(record.read(FOLDER / record.NAME)) == {entry.name}
    assert sorted(path.name for path in FOLDER.iterdir()) == sorted([entry.lands, record.NAME])


def test_a_file_that_only_the_user_can_get_may_be_there(place, limits):
    get(FACES, limits)
    assert (FOLDER / "res50.pth").read_bytes() == b"weights"


def test_a_published_archive_may_be_there(place, limits):
    (place / record.NAME).unlink()
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        file.writestr("vosk-1/words", "a b")
    (place / "vosk-1.zip").write_bytes(packed.getvalue())
    get(VOSK, limits)
    assert here(VOSK) == {"words": b"a b"}


@pytest.mark.parametrize("entry", [VOSK, BERT, FACES], ids=lambda entry: entry.name)
def test_a_model_that_is_not_there_is_a_line(place, limits, entry):
    (place / record.NAME).unlink()
    (place / "res50.pth").unlink()
    said = failed(entry, limits)
    assert "RJCMA_MODELS" in said and "fetched.json" in said


def test_a_file_that_is_not_what_the_record_there_says_is_refused(place, limits):
    (place / "vosk-1/am/final.mdl").write_bytes(bytes(200))
    assert "another sha256" in failed(VOSK, limits)


def test_a_file_that_is_lost_there_is_a_line(place, limits):
    (place / "vosk-1/am/final.mdl").unlink()
    assert "final.mdl" in failed(VOSK, limits)


@pytest.mark.parametrize("name", ["../../evil", "/evil", "a/../../evil", "am\\evil"])
def test_a_record_there_cannot_lead_out_of_the_folder(place, limits, name):
    written = json.loads((place / record.NAME).read_text())
    digest = hashlib.sha256(b"evil").hexdigest()
    written["vosk"]["files"][name] = {"size": 4, "sha256": digest}
    (place / record.NAME).write_text(json.dumps(written))
    assert "plain names" in failed(VOSK, limits)


@pytest.mark.parametrize("name", ["", "am", "am/final.mdl/x"])
def test_a_record_there_with_one_name_for_a_file_and_a_folder_is_a_line(place, limits, name):
    written = json.loads((place / record.NAME).read_text())
    written["vosk"]["files"][name] = {"size": 4, "sha256": hashlib.sha256(b"evil").hexdigest()}
    (place / record.NAME).write_text(json.dumps(written))
    assert "not those of folders" in failed(VOSK, limits)


@pytest.mark.parametrize("text", ["[", "3", '{"vosk": []}', '{"vosk": {}}'])
def test_a_damaged_record_there_is_a_line(place, limits, text):
    (place / record.NAME).write_text(text)
    assert "fetched.json" in failed(VOSK, limits)


def test_what_was_fetched_before_must_be_the_same_there(place, limits):
    other = record.Fetched(source="x", files={"words": record.File(size=1, sha256="0" * 64)})
    FOLDER.mkdir()
    record.add(FOLDER / record.NAME, "vosk", other)
    assert "not what was fetched first" in failed(VOSK, limits)


def test_a_place_that_is_none_is_a_line(monkeypatch, limits):
    monkeypatch.setenv("RJCMA_MODELS", "no/such/folder")
    assert "no such folder" in failed(VOSK, limits)


def test_a_download_from_a_server_goes_on_within_a_model(there, server, limits, monkeypatch):
    from hostile_server import cut

    monkeypatch.setenv("RJCMA_MODELS", server.url)
    for path in there.rglob("*"):
        if path.is_file():
            server.files[f"/{path.relative_to(there).as_posix()}"] = path.read_bytes()
    server.odd["/vosk-1/am/final.mdl"] = [cut(FILES["am/final.mdl"], 77)]
    get(VOSK, limits)
    assert here(VOSK) == FILES
    assert "bytes=77-" in server.ranges()


def test_what_the_record_there_claims_does_not_make_a_model_verified(there, limits, monkeypatch):
    monkeypatch.setenv("RJCMA_MODELS", str(there))
    commit, digest = "a" * 40, hashlib.sha256(FILES["config"]).hexdigest()
    claimed = json.loads((there / record.NAME).read_text())
    claimed["bert"].update(source="lab/bert", revision=commit)
    claimed["vosk"]["published"] = {"size": 1, "sha256": "0" * 64}
    (there / record.NAME).write_text(json.dumps(claimed))
    pinned = BERT.model_copy(update={"revision": commit, "checksums": {"config": digest}})
    assert "verified in part: the sha256 of config" in get(pinned, limits)
    assert "unverified" in get(VOSK.model_copy(update={"sha256": "0" * 64}), limits)


def test_weights_there_that_are_not_the_published_ones_are_refused(there, limits, monkeypatch):
    monkeypatch.setenv("RJCMA_MODELS", str(there))
    pinned = BERT.model_copy(update={"checksums": {"config": "0" * 64}})
    assert "another sha256 than published" in failed(pinned, limits)
