"""Fetching models from their publisher: verified, remembered, and complete or not here."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
import time
import tomllib
import zipfile
from pathlib import Path

import pytest
from hostile_server import answer, cut, stalled, whole
from places import ROOT

from rjcma.models import catalogue, fetch, record, registry
from rjcma.models.registry import Entry
from rjcma.problem import Problem

WEIGHTS = bytes(range(256)) * 20
SHA256 = hashlib.sha256(WEIGHTS).hexdigest()
FOLDER = Path("models")


def archive(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as file:
        for name, content in files.items():
            file.writestr(f"vosk/{name}", content)
    return packed.getvalue()


@pytest.fixture
def entry(server):
    """An entry of the registry for /weights.pth, or whatever is changed."""
    server.files["/weights.pth"] = WEIGHTS
    server.files["/vosk.zip"] = archive(words="a b", graph="g")

    def make(file="weights.pth", **changed) -> Entry:
        lands = file.removesuffix(".zip")
        plain = {"purpose": "p", "params": "x: y", "key": "k", "lands": lands}
        return Entry(name="m", url=f"{server.url}/{file}", **plain, **changed)

    return make


@pytest.fixture
def get(limits):
    return lambda entry: fetch.fetch(entry, FOLDER, limits)


def leftovers() -> list[str]:
    return sorted(path.name for path in FOLDER.rglob("*") if path.name.startswith("."))


def line(problem) -> str:
    assert "\n" not in str(problem.value)
    return str(problem.value)


def test_a_file_lands_in_models_and_is_written_down(entry, get):
    said = get(entry(sha256=SHA256, size=len(WEIGHTS)))
    assert "verified: its sha256 is the published one" in said
    assert (FOLDER / "weights.pth").read_bytes() == WEIGHTS
    written = json.loads((FOLDER / "fetched.json").read_text())["m"]
    assert written["files"] == {"": {"size": len(WEIGHTS), "sha256": SHA256}}
    assert leftovers() == []


def test_an_archive_is_unpacked_and_its_files_are_written_down(entry, get, server):
    said = get(entry("vosk.zip"))
    assert "unverified: no checksum is known" in said
    assert (FOLDER / "vosk/words").read_text() == "a b"
    written = record.read(FOLDER / record.NAME)["m"]
    assert set(written.files) == {"words", "graph"}
    packed = server.files["/vosk.zip"]
    assert written.published == record.File(
        size=len(packed), sha256=hashlib.sha256(packed).hexdigest()
    )
    assert leftovers() == []


def test_what_is_here_is_not_fetched_again(entry, get, server):
    get(entry())
    assert "is here already" in get(entry())
    assert server.paths() == ["/weights.pth"]


@pytest.mark.parametrize(
    "known, told",
    [
        ({"sha256": "0" * 64}, "the sha256"),
        ({"sha256_begins": "00000000"}, "a sha256 that begins with"),
        ({"size": 7}, "a file of 5,120 bytes"),
    ],
)
def test_a_file_that_is_not_the_published_one_does_not_stay(entry, get, known, told):
    with pytest.raises(Problem) as problem:
        get(entry(**known))
    assert told in line(problem)
    assert not (FOLDER / "weights.pth").exists()
    assert leftovers() == [] and not (FOLDER / record.NAME).exists()


def test_an_archive_that_is_not_the_published_one_is_not_unpacked(entry, get):
    with pytest.raises(Problem) as problem:
        get(entry("vosk.zip", sha256="0" * 64))
    assert "the sha256" in line(problem)
    assert [path.name for path in FOLDER.iterdir()] == []


def test_the_first_digits_are_compared_where_only_they_are_published(entry, get):
    assert f"begins with {SHA256[:8]}" in get(entry(sha256_begins=SHA256[:8]))


def test_a_file_that_was_corrupted_in_its_first_part_is_fetched_once_more(entry, get, server):
    bad = b"x" * 100 + WEIGHTS[100:]

    def corrupt(handler):
        from hostile_server import etag, head

        head(handler, 200, {"Content-Length": len(WEIGHTS), "ETag": etag(WEIGHTS)})
        handler.wfile.write(bad[:2000])

    server.odd["/weights.pth"] = [corrupt]
    assert "verified" in get(entry(sha256=SHA256))
    assert server.ranges() == [None, "bytes=2000-", None]


def test_a_server_that_corrupts_every_time_is_a_problem(entry, get, server):
    server.odd["/weights.pth"] = whole(b"x" * len(WEIGHTS))
    with pytest.raises(Problem) as problem:
        get(entry(sha256=SHA256))
    assert "the sha256" in line(problem)
    assert leftovers() == []


def test_an_interrupted_fetch_leaves_a_part_that_the_next_one_goes_on_with(entry, get, server):
    server.odd["/weights.pth"] = [stalled(WEIGHTS, 3000), answer(502), answer(502)]
    with pytest.raises(Problem):
        get(entry(sha256=SHA256))
    assert leftovers() == [".weights.pth.partial", ".weights.pth.partial.part-of"]
    assert "verified" in get(entry(sha256=SHA256))
    assert server.ranges()[-1] == "bytes=3000-" and leftovers() == []


def test_who_fetches_again_must_get_the_same(entry, get, server):
    get(entry())
    (FOLDER / "weights.pth").unlink()
    server.files["/weights.pth"] = WEIGHTS + b"more"
    with pytest.raises(Problem) as problem:
        get(entry())
    assert "not what was fetched first" in line(problem)
    assert not (FOLDER / "weights.pth").exists()
    server.files["/weights.pth"] = WEIGHTS
    get(entry())
    assert (FOLDER / "weights.pth").read_bytes() == WEIGHTS


def test_a_record_from_git_is_kept_to(entry, get, server, tmp_path, monkeypatch):
    get(entry("vosk.zip"))
    (tmp_path / "other/models").mkdir(parents=True)
    (tmp_path / "other/models/fetched.json").write_bytes((FOLDER / record.NAME).read_bytes())
    monkeypatch.chdir(tmp_path / "other")
    server.files["/vosk.zip"] = archive(words="a c", graph="g")
    with pytest.raises(Problem) as problem:
        get(entry("vosk.zip"))
    assert "another words; it is not what was fetched first" in line(problem)
    assert sorted(path.name for path in FOLDER.iterdir()) == ["fetched.json"]


@pytest.mark.parametrize("change", ["edited", "lost", "added"])
def test_check_names_a_file_that_is_not_as_it_was_fetched(entry, get, change):
    get(entry("vosk.zip"))
    if change == "edited":
        (FOLDER / "vosk/graph").write_text("h")
    elif change == "lost":
        (FOLDER / "vosk/graph").unlink()
    else:
        (FOLDER / "vosk/graph2").write_text("x")
    with pytest.raises(Problem) as problem:
        catalogue.check(entry("vosk.zip"), FOLDER)
    assert "graph" in line(problem) and "rjcma models fetch m" in line(problem)
    with pytest.raises(Problem):
        get(entry("vosk.zip"))


def test_check_says_how_sure_it_is(entry, get):
    assert catalogue.check(entry(), FOLDER) == "m: not here"
    get(entry())
    assert "unverified" in catalogue.check(entry(), FOLDER)
    assert "verified: its sha256" in catalogue.check(entry(sha256=SHA256), FOLDER)


def test_a_file_that_only_the_user_can_get_says_how(get):
    plain = {"purpose": "p", "params": "x: y", "key": "k", "lands": "res50.pth"}
    entry = Entry(name="faces", ask="write to its authors", **plain)
    with pytest.raises(Problem) as problem:
        get(entry)
    assert "write to its authors" in line(problem)
    FOLDER.mkdir(exist_ok=True)
    (FOLDER / "res50.pth").write_bytes(WEIGHTS)
    assert "put here by hand" in catalogue.check(entry, FOLDER)
    assert "is here already, unverified" in get(entry)
    (FOLDER / "res50.pth").write_bytes(b"another")
    with pytest.raises(Problem) as problem:
        catalogue.check(entry, FOLDER)
    assert "not what was fetched first" in line(problem)


def test_a_full_disk_is_told_before_the_download(entry, get, monkeypatch):
    import shutil
    from types import SimpleNamespace

    monkeypatch.setattr(shutil, "disk_usage", lambda _: SimpleNamespace(free=100))
    with pytest.raises(Problem) as problem:
        get(entry())
    assert "100 bytes of free space" in line(problem) and "5,120 bytes" in line(problem)


def test_two_fetches_at_once_are_refused(entry, get):
    from rjcma.jobs.lock import locked

    with locked(FOLDER), pytest.raises(Problem) as problem:
        get(entry())
    assert "another process" in line(problem)


def test_an_archive_that_is_bad_leaves_nothing(entry, get, server):
    server.files["/vosk.zip"] = archive(**{"../../../evil": "x"})
    with pytest.raises(Problem) as problem:
        get(entry("vosk.zip"))
    assert "the name" in line(problem)
    assert list(FOLDER.iterdir()) == [] and not Path("evil").exists()


@pytest.mark.parametrize(
    "text", ["[", "[]", '{"m": 1}', '{"m": {"source": "x", "files": {"../x": {}}}}', "\udcff"]
)
def test_a_damaged_record_is_a_line(entry, get, text):
    FOLDER.mkdir()
    (FOLDER / record.NAME).write_text(text, errors="surrogateescape")
    with pytest.raises(Problem) as problem:
        get(entry())
    assert record.NAME in line(problem)


def test_every_model_of_the_registry_says_what_a_user_must_know():
    entries = registry.read()
    assert {"vosk-en-us", "vggish", "ir-resnet50", "bert-base-uncased"} <= set(entries)
    for entry in entries.values():
        assert f"models/{entry.lands}" in entry.params
        assert not entry.url or entry.url.startswith("https://")
        assert "not in" in catalogue.listed([entry], FOLDER)


@pytest.mark.parametrize(
    "text, told",
    [
        ("[m", "no TOML"),
        ("m = 3", "m = 3"),
        ("[m]\npurpose = 'p'", "no value"),
        ("[m]\n{url}\nWRONG = 1", "m.WRONG = 1"),
        ("[m]\n{url}\nsha256 = '00'", "m.sha256 = '00'"),
        ("[m]\n{url}\nlands = '../x'", "m.lands = '../x'"),
        ("[m]\nurl = 'ftp://x'\nlands = 'x'", "m.url = 'ftp://x'"),
        ("[m]\n{url}\nhub = 'a/b'\nlands = 'x'", "one of url, hub and ask"),
    ],
)
def test_a_mistake_in_a_registry_is_a_line(tmp_path, text, told):
    path = tmp_path / "registry.toml"
    rest = "\npurpose = 'p'\nparams = 'x'\nkey = 'k'" if "url" in text else ""
    rest += "\nlands = 'x'" if "lands" not in text and rest else ""
    path.write_text(text.replace("{url}", "url = 'https://a/x.zip'") + rest)
    with pytest.raises(Problem) as problem:
        registry.read(path)
    assert told in line(problem)


def test_a_name_that_is_not_in_the_registry_is_a_line():
    with pytest.raises(Problem) as problem:
        registry.chosen(registry.read(), ["vggsh"])
    assert "vggish" in line(problem)


def test_a_cut_that_never_gets_further_ends(entry, get, server):
    server.odd["/weights.pth"] = cut(WEIGHTS, 0)
    with pytest.raises(Problem) as problem:
        get(entry())
    assert "tried 3 times" in line(problem)
    assert len(server.asked) == 3


PROGRAM = """
import sys
from pathlib import Path
from rjcma.models import fetch, registry
entry = registry.read(Path("registry.toml"))["m"]
print(fetch.fetch(entry))
"""


@pytest.mark.parametrize("after", [0, 1, 4000])
def test_a_killed_fetch_leaves_a_part_and_the_next_one_goes_on(server, entry, get, tmp_path, after):
    made = entry(sha256=SHA256)
    plain = made.model_dump(exclude_defaults=True, exclude={"name"})
    text = "".join(f"{key} = {json.dumps(value)}\n" for key, value in plain.items())
    Path("registry.toml").write_text(f"[m]\n{text}")
    server.odd["/weights.pth"] = [stalled(WEIGHTS, after)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    process = subprocess.Popen([sys.executable, "-c", PROGRAM], env=environment)
    part = FOLDER / ".weights.pth.partial"
    for _ in range(500):
        if part.is_file() and part.stat().st_size >= min(after, 1):
            break
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (FOLDER / "weights.pth").exists()
    assert "verified" in get(made)
    assert (FOLDER / "weights.pth").read_bytes() == WEIGHTS and leftovers() == []


def test_the_registry_is_part_of_the_installed_package():
    content = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert registry.COMMITTED.name in content["tool"]["setuptools"]["package-data"]["rjcma.models"]
    assert registry.COMMITTED.is_file()


@pytest.mark.parametrize("name", [None, "a:b", "a\nb"])
def test_a_folder_that_is_no_model_is_a_line(entry, get, name):
    (FOLDER / "vosk").mkdir(parents=True)
    if name:
        (FOLDER / "vosk" / name).write_text("x")
    for look in (get, lambda entry: catalogue.check(entry, FOLDER)):
        with pytest.raises(Problem) as problem:
            look(entry("vosk.zip"))
        assert "expected a model" in line(problem)


def test_a_folder_in_place_of_a_file_and_a_file_in_place_of_a_folder_are_told(entry, get):
    (FOLDER / "weights.pth").mkdir(parents=True)
    (FOLDER / "weights.pth/data.pkl").write_bytes(WEIGHTS)
    (FOLDER / "vosk").write_bytes(WEIGHTS)
    of_hub = Entry(name="m", purpose="p", params="x", key="k", lands="vosk", hub="lab/vosk")
    for made, told in (
        (entry(), "a folder, not a file"),
        (entry("vosk.zip"), "a file, not a folder"),
        (of_hub, "a file, not a folder"),
    ):
        for look in (get, lambda made: catalogue.check(made, FOLDER)):
            with pytest.raises(Problem) as problem:
                look(made)
            assert f"found {told}" in line(problem)
    assert not (FOLDER / record.NAME).exists()


def test_a_folder_that_only_the_user_can_get_is_as_good_as_a_file():
    made = Entry(
        name="m", purpose="p", params="x", key="k", lands="vosk", ask="look under the desk"
    )
    (FOLDER / "vosk").mkdir(parents=True)
    (FOLDER / "vosk/words").write_text("a b")
    assert "put here by hand" in catalogue.check(made, FOLDER)
