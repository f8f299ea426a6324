"""Archives from elsewhere: good ones are unpacked, bad ones leave nothing."""

from __future__ import annotations

import io
import random
import stat
import tarfile
import zipfile
from pathlib import Path

import pytest

from rjcma.models import archive
from rjcma.models.archive import unpack
from rjcma.problem import Problem

GOOD = {
    "vosk/am/final.mdl": b"weights" * 100,
    "vosk/conf/model.conf": b"--x=1\n",
    "vosk/empty": b"",
}


def zipped(path: Path, files, **changed) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for name, content in files.items():
            info = zipfile.ZipInfo(name)
            for key, value in changed.items():
                setattr(info, key, value)
            file.writestr(info, content, zipfile.ZIP_DEFLATED)
    return path


def tarred(path: Path, files, mode="w:gz", **changed) -> Path:
    with tarfile.open(path, mode) as file:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            for key, value in changed.items():
                setattr(info, key, value)
            file.addfile(info, io.BytesIO(content))
    return path


MAKERS = {
    ".zip": zipped,
    ".tar": lambda path, files: tarred(path, files, "w"),
    ".tar.gz": tarred,
    ".tgz": tarred,
    ".tar.bz2": lambda path, files: tarred(path, files, "w:bz2"),
    ".tar.xz": lambda path, files: tarred(path, files, "w:xz"),
}


@pytest.mark.parametrize("suffix", MAKERS)
def test_an_archive_is_unpacked_file_by_file(tmp_path, suffix):
    packed = MAKERS[suffix](tmp_path / "packed", GOOD)
    unpack(packed, "vosk" + suffix, tmp_path / "out", "vosk")
    found = {p.relative_to(tmp_path / "out").as_posix(): p for p in (tmp_path / "out").rglob("*")}
    files = {"vosk/" + name: p.read_bytes() for name, p in found.items() if p.is_file()}
    assert files == GOOD


def refused(tmp_path: Path, packed: Path, suffix: str) -> str:
    """Unpack, which must fail and leave nothing -> the line."""
    before = {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()}
    with pytest.raises(Problem) as problem:
        unpack(packed, "vosk" + suffix, tmp_path / "deep/er/out", "vosk")
    assert not (tmp_path / "deep/er/out").exists()
    assert {path: path.read_bytes() for path in tmp_path.rglob("*") if path.is_file()} == before
    assert "\n" not in str(problem.value)
    return str(problem.value)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "vosk/../../evil",
        "/evil",
        "vosk//evil",
        "vosk/./evil",
        "vosk\\..\\evil",
        "C:/evil",
        "vosk/new\nline",
        "vosk/" + "x" * 300,
        "other/evil",
        "evil",
        "vosk",
    ],
)
def test_a_name_that_leads_out_of_the_folder_is_refused(tmp_path, suffix, name):
    packed = MAKERS[suffix](tmp_path / "packed", {"vosk/fine": b"x", name: b"evil"})
    assert "expected an archive of plain files in a folder vosk" in refused(
        tmp_path, packed, suffix
    )


@pytest.mark.parametrize(
    "kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE], ids=repr
)
def test_links_and_devices_in_a_tar_are_refused(tmp_path, kind):
    packed = tarred(tmp_path / "packed", {"vosk/x": b""}, type=kind, linkname="/etc/passwd")
    assert "a link or a device" in refused(tmp_path, packed, ".tar.gz")


def test_a_link_in_a_zip_is_refused(tmp_path):
    link = (stat.S_IFLNK | 0o777) << 16
    packed = zipped(tmp_path / "packed", {"vosk/x": b"/etc/passwd"}, external_attr=link)
    assert "a link or a device" in refused(tmp_path, packed, ".zip")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
def test_names_that_are_one_file_on_some_systems_are_refused(tmp_path, suffix):
    packed = MAKERS[suffix](tmp_path / "packed", {"vosk/a": b"1", "vosk/A": b"2"})
    assert "twice" in refused(tmp_path, packed, suffix)


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz", ".tar.bz2", ".tar.xz"])
def test_a_bomb_ends_when_it_is_twenty_times_its_size(tmp_path, monkeypatch, suffix):
    monkeypatch.setattr(archive, "SLACK", 2**16)
    packed = MAKERS[suffix](tmp_path / "packed", {"vosk/zeros": bytes(2**22)})
    assert packed.stat().st_size * archive.RATIO < 2**21
    assert "more than 20 times its own size" in refused(tmp_path, packed, suffix)


def test_what_a_tar_only_skips_counts_too(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "SLACK", 2**16)
    packed = tarred(tmp_path / "packed", {"vosk/a": b""}, pax_headers={"comment": "0" * 2**22})
    assert "more than 20 times its own size" in refused(tmp_path, packed, ".tar.gz")


def test_too_many_files_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(archive, "FILES", 3)
    packed = zipped(tmp_path / "packed", {f"vosk/{n}": b"" for n in range(4)})
    assert "more than 3 files" in refused(tmp_path, packed, ".zip")


@pytest.mark.parametrize("suffix", MAKERS)
@pytest.mark.parametrize("damage", ["cut", "flipped", "empty", "a page"])
def test_a_damaged_archive_is_a_line(tmp_path, suffix, damage):
    files = {"vosk/a": bytes(range(256)) * 50, "vosk/b": b"b" * 999}
    content = bytearray(MAKERS[suffix](tmp_path / "packed", files).read_bytes())
    if damage == "cut":
        content = content[: len(content) // 2]
    elif damage == "flipped":
        middle = 300 if suffix != ".tar" else 150  # in the checksum of a header
        content[middle] ^= 0xFF
    else:
        content = bytearray() if damage == "empty" else bytearray(b"<html>Sign in</html>" * 30)
    (tmp_path / "packed").write_bytes(content)
    refused(tmp_path, tmp_path / "packed", suffix)


LARGE = random.Random(1).randbytes(1_000_000)  # of several blocks, in all kinds of compression


def with_bzip2(path: Path, files) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_BZIP2) as file:
        for name, content in files.items():
            file.writestr(name, content)
    return path


@pytest.mark.parametrize(
    "suffix, make",
    [(suffix, make) for suffix, make in MAKERS.items() if suffix != ".tar"]
    + [(".zip", with_bzip2)],
)
@pytest.mark.parametrize("place", [0.5, 0.9999])
def test_damage_behind_the_first_block_is_a_line(tmp_path, suffix, make, place):
    """Also in the checksum at the very end. A plain tar has none."""
    content = bytearray(make(tmp_path / "packed", {"vosk/a": LARGE}).read_bytes())
    content[int(len(content) * place)] ^= 0xFF
    (tmp_path / "packed").write_bytes(content)
    refused(tmp_path, tmp_path / "packed", suffix)


def test_a_zip_with_a_password_is_a_line(tmp_path):
    packed = zipped(tmp_path / "packed", GOOD)
    content = bytearray(packed.read_bytes())
    for mark, place in ((b"PK\3\4", 6), (b"PK\1\2", 8)):  # the flag, in both of its headers
        content[content.index(mark) + place] |= 1
    packed.write_bytes(content)
    assert "password" in refused(tmp_path, packed, ".zip")


@pytest.mark.parametrize("suffix", [".zip", ".tar.gz"])
@pytest.mark.parametrize("names", [("vosk/a", "vosk/a/b"), ("vosk/a/b", "vosk/a")])
def test_a_name_that_is_of_a_file_and_of_a_folder_is_a_line(tmp_path, suffix, names):
    packed = MAKERS[suffix](tmp_path / "packed", dict.fromkeys(names, b"x"))
    assert "a damaged archive" in refused(tmp_path, packed, suffix)


def test_an_archive_of_folders_only_is_no_model(tmp_path):
    with zipfile.ZipFile(tmp_path / "packed", "w") as file:
        file.mkdir("vosk")
    assert "no file in it" in refused(tmp_path, tmp_path / "packed", ".zip")
