"""Bundles of runs: whole, the same bytes, and safe to open."""

from __future__ import annotations

import json
import shutil
import zipfile
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rjcma.predict import bundle
from rjcma.predict import given as named
from rjcma.predict.predict import Request, predict
from rjcma.predict.trained import open_all
from rjcma.problem import Problem, Problems


@pytest.fixture(scope="module")
def made(world, tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "talks.rjcma"
    bundle.write(open_all(world.runs), path)
    return path


def files(folder: Path) -> dict[str, bytes]:
    found = (path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in found}


def rewritten(source: Path, path: Path, change) -> Path:
    """The bundle with other members: `change` is given their contents by name."""
    with zipfile.ZipFile(source) as old:
        members = {name: old.read(name) for name in old.namelist()}
    change(members)
    with zipfile.ZipFile(path, "w") as new:
        for name, content in members.items():
            new.writestr(name, content)
    return path


def test_the_same_runs_are_the_same_bytes_in_any_order(world, made, tmp_path):
    bundle.write(open_all(world.runs[::-1]), tmp_path / "again.rjcma")
    assert (tmp_path / "again.rjcma").read_bytes() == made.read_bytes()


def test_a_bundle_holds_the_runs_and_names_their_models_without_a_copy(world, made, tmp_path):
    folders = bundle.unpacked(made, tmp_path)
    assert [folder.name for folder in folders] == sorted(run.name for run in world.runs)
    for folder in folders:
        (original,) = (run for run in world.runs if run.name == folder.name)
        assert files(folder) == files(original)
    with zipfile.ZipFile(made) as opened:
        manifest = json.loads(opened.read("manifest.json"))
    assert manifest["models"]["text.model"]["digest"] == world.models()["text.model"]
    assert manifest["models"].keys() == {"speech.model", "text.model"}


def test_a_bundle_predicts_as_its_runs_do(world, made, talk, tmp_path):
    (by_runs,) = predict(Request([talk], world.runs, tmp_path))
    (by_bundle,) = predict(Request([talk], [made], tmp_path))
    assert list(by_runs.ranges) == list(by_bundle.ranges)
    for target in by_runs.ranges:
        assert (by_runs.folds[target] == by_bundle.folds[target]).all()


def test_folders_of_runs_and_bundles_are_found_among_what_a_shell_gives(world, made, tmp_path):
    video = tmp_path / "talk.mp4"
    video.touch()
    assert named.divided([video, made, *world.runs]) == ([video], [made, *world.runs])
    assert named.folders([world.root / "runs"], tmp_path) == sorted(world.runs)
    assert named.folders([tmp_path / "none"], tmp_path) == [tmp_path / "none"]


def test_a_folder_of_videos_stands_for_these_and_not_for_runs(world, tmp_path):
    for name in ("b.MP4", "a.mkv", "notes.txt", ".c.mp4.partial"):
        (tmp_path / name).touch()
    (tmp_path / "d.mp4").mkdir()
    found = named.divided([tmp_path, world.runs[0]])
    assert found == ([tmp_path / "a.mkv", tmp_path / "b.MP4"], [world.runs[0]])


def test_what_was_unpacked_and_then_edited_is_unpacked_again(made, tmp_path):
    (folder, *_) = bundle.unpacked(made, tmp_path)
    whole = files(tmp_path)
    (folder / "run.json").write_text("{}")
    bundle.unpacked(made, tmp_path)
    assert files(tmp_path) == whole


@given(data=st.data())
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_a_bundle_with_another_byte_gives_the_same_runs_or_one_line(made, tmp_path, data):
    content = bytearray(made.read_bytes())
    ends = st.one_of(st.integers(0, 4000), st.integers(len(content) - 4000, len(content) - 1))
    place = data.draw(st.one_of(ends, st.integers(0, len(content) - 1)))
    content[place] ^= data.draw(st.integers(1, 255))
    edited, out = tmp_path / "edited.rjcma", tmp_path / "out"
    edited.write_bytes(content)
    shutil.rmtree(out, ignore_errors=True)
    try:
        bundle.unpacked(edited, out)
    except Problem as problem:
        assert "\n" not in str(problem) and "edited.rjcma" in str(problem)
    else:
        (place_of_runs,) = out.iterdir()
        bundle.unpacked(made, tmp_path / "whole")
        (whole,) = (tmp_path / "whole").iterdir()
        assert files(place_of_runs) == files(whole)
    for path in out.rglob("*"):
        assert not path.name.endswith(".partial")


def test_an_edited_member_is_one_line_and_leaves_nothing_of_it(made, tmp_path):
    def change(members):
        weights = bytearray(members["runs/valence-0/weights.safetensors"])
        weights[-1] ^= 1
        members["runs/valence-0/weights.safetensors"] = bytes(weights)

    edited = rewritten(made, tmp_path / "edited.rjcma", change)
    with pytest.raises(Problem, match=r"valence-0/weights.safetensors with other bytes"):
        bundle.unpacked(edited, tmp_path / "out")
    assert not list((tmp_path / "out").rglob("valence-0/weights*"))


def hostile(members, name: str, content: bytes = b"x") -> None:
    """Add a member and list it in the manifest as if it belonged there."""
    from rjcma.jobs.digests import digest_text

    manifest = json.loads(members["manifest.json"])
    manifest["files"][name] = [len(content), digest_text(content.decode())]
    members["manifest.json"] = json.dumps(manifest).encode()
    members[name] = content


@pytest.mark.parametrize(
    "name",
    ["../escaped", "/escaped", "runs/../../escaped", "runs/valence-0/../../../escaped/run.json"]
    + ["runs/valence-0/evil.py", "runs/valence-0/run.json/", "runs/a b-0/run.json", "C:\\run.json"],
)
def test_no_member_leads_out_of_the_folder(made, tmp_path, name):
    bad = rewritten(made, tmp_path / "bad.rjcma", lambda members: hostile(members, name))
    before = files(tmp_path)
    with pytest.raises(Problem, match=r"bad\.rjcma: found"):
        bundle.unpacked(bad, tmp_path / "in" / "out")
    assert files(tmp_path) == before


def test_a_member_that_is_not_listed_is_refused(made, tmp_path):
    bad = rewritten(made, tmp_path / "bad.rjcma", lambda members: members.update(more=b"x"))
    with pytest.raises(Problem, match="does not list"):
        bundle.unpacked(bad, tmp_path / "out")


def test_a_compressed_member_is_refused_for_it_may_grow_without_end(made, tmp_path):
    with zipfile.ZipFile(made) as old, zipfile.ZipFile(tmp_path / "bomb.rjcma", "w") as new:
        for name in old.namelist():
            kind = zipfile.ZIP_DEFLATED if name.endswith("history.csv") else zipfile.ZIP_STORED
            new.writestr(name, old.read(name), kind)
    with pytest.raises(Problem, match=r"history\.csv"):
        bundle.unpacked(tmp_path / "bomb.rjcma", tmp_path / "out")


def test_a_bundle_of_a_later_format_says_so(made, tmp_path):
    def change(members):
        manifest = json.loads(members["manifest.json"])
        members["manifest.json"] = json.dumps({**manifest, "format": 2}).encode()

    later = rewritten(made, tmp_path / "later.rjcma", change)
    with pytest.raises(Problem, match="another format"):
        bundle.unpacked(later, tmp_path / "out")


def test_places_outside_of_the_file_are_one_line(made, tmp_path):
    content = bytearray(made.read_bytes())
    end = content.rindex(b"PK\x05\x06")
    content[end + 16 : end + 20] = (2**31).to_bytes(4, "little")  # where the list of members is
    (tmp_path / "edited.rjcma").write_bytes(content)
    with pytest.raises(Problem, match=r"edited\.rjcma: found a damaged file"):
        bundle.unpacked(tmp_path / "edited.rjcma", tmp_path / "out")


def test_a_bundle_without_runs_is_refused(made, tmp_path):
    def change(members):
        manifest = json.loads(members["manifest.json"])
        members.clear()
        members["manifest.json"] = json.dumps({**manifest, "files": {}}).encode()

    empty = rewritten(made, tmp_path / "empty.rjcma", change)
    with pytest.raises(Problem, match=r"empty\.rjcma: found a manifest of another form"):
        bundle.unpacked(empty, tmp_path / "out")


@pytest.mark.parametrize("size", [0, 10_000])
def test_a_bundle_that_is_cut_off_is_named_as_such(made, tmp_path, size):
    (tmp_path / "cut.rjcma").write_bytes(made.read_bytes()[:size])
    with pytest.raises(
        Problems, match=r"cut\.rjcma: found a file that is no bundle, or is cut off"
    ):
        open_all(named.folders([tmp_path / "cut.rjcma"], tmp_path / "out"))


def test_large_networks_have_room(world, made, tmp_path, monkeypatch):
    monkeypatch.setattr(zipfile, "ZIP64_LIMIT", 50_000)  # for 2 GiB, which would take long
    bundle.write(open_all(world.runs), tmp_path / "large.rjcma")
    large = bundle.unpacked(tmp_path / "large.rjcma", tmp_path)
    assert [files(folder) for folder in large] == [
        files(folder) for folder in bundle.unpacked(made, tmp_path / "usual")
    ]


def test_a_zip_file_of_anything_else_is_no_bundle(tmp_path):
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as other:
        other.writestr("notes.txt", "hello")
    with pytest.raises(Problem, match="without the manifest"):
        bundle.unpacked(tmp_path / "notes.zip", tmp_path / "out")


def test_runs_that_do_not_say_what_they_need_are_not_exported(world, tmp_path):
    copy = Path(shutil.copytree(world.runs[0], tmp_path / "run"))
    (copy / "engines.json").unlink()
    with pytest.raises(Problem, match="does not say by which engines"):
        bundle.write(open_all([copy]), tmp_path / "out.rjcma")
    assert not (tmp_path / "out.rjcma").exists()
