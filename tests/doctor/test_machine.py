"""The packages against the lock, and the remote: by Python's own library."""

from __future__ import annotations

import os
from importlib import metadata
from pathlib import Path

import hostile_server
import pytest

from rjcma.doctor import machine, remote


@pytest.fixture
def locked(tmp_path, monkeypatch):
    """A lock of three packages, of which these versions are installed."""

    def make(**versions: str | None) -> str:
        (tmp_path / "requirements.lock").write_text(
            "# all\nnumpy==2.4.6\ntorch==2.13.0\nav==18.1.0\n"
        )

        def version(name):
            found = {"numpy": "2.4.6", "torch": "2.13.0", "av": "18.1.0", **versions}[name]
            if found is None:
                raise metadata.PackageNotFoundError(name)
            return found

        monkeypatch.setattr(metadata, "version", version)
        return machine._packages(tmp_path).text()

    return make


def test_packages_as_in_the_lock_are_well_whatever_their_build(locked):
    assert locked(torch="2.13.0+cpu").startswith("ok") and "all 3" in locked()


@pytest.mark.parametrize(
    "versions, told",
    [
        ({"numpy": None}, "no numpy: run `make setup`"),
        ({"numpy": "2.3.0"}, "numpy 2.3.0, not 2.4.6: run"),
        ({"numpy": None, "av": "1"}, "no numpy; av 1, not 18.1.0"),
    ],
)
def test_packages_that_differ_are_named(locked, versions, told):
    assert told in locked(**versions)


def test_many_packages_are_counted(tmp_path):
    (tmp_path / "requirements.lock").write_text("".join(f"none-{n}==1\n" for n in range(9)))
    assert "and 5 more" in machine._packages(tmp_path).found


def test_programs_that_are_missing_are_named(monkeypatch):
    monkeypatch.setenv("PATH", "")
    assert "no git, no make" in machine._programs().text()


def configured(folder: Path, url: str, local: str = "") -> str:
    (folder / ".dvc").mkdir(exist_ok=True)
    text = f"[core]\n    no_scm = true\n    remote = team\n['remote \"team\"']\n    url = {url}\n"
    (folder / ".dvc/config").write_text(text)
    (folder / ".dvc/config.local").write_text(local)
    [line] = remote.lines(folder)
    return line.text()


def test_without_a_remote_nothing_is_to_do(tmp_path):
    [line] = remote.lines(tmp_path)
    assert not line.cure and "none is set" in line.found


def test_a_folder_that_is_there_is_reached_and_one_that_is_not_is_named(tmp_path):
    (tmp_path / "store").mkdir()
    assert configured(tmp_path, str(tmp_path / "store")).startswith("ok")
    assert configured(tmp_path, "../store").startswith("ok")
    assert "no such folder" in configured(tmp_path, "/no/such/store")


def test_the_settings_of_this_machine_come_before_the_shared_ones(tmp_path):
    (tmp_path / "mine").mkdir()
    local = f"['remote \"team\"']\n    url = {tmp_path / 'mine'}\n"
    assert str(tmp_path / "mine") in configured(tmp_path, "/no/such/store", local)


def test_damaged_settings_are_a_line(tmp_path):
    assert "correct .dvc/config" in configured(tmp_path, "x\n[core")


def test_settings_that_are_not_text_are_a_line(tmp_path):
    configured(tmp_path, "x")
    (tmp_path / ".dvc/config").write_bytes(b"[core]\nremote = \xff\n")
    [line] = remote.lines(tmp_path)
    assert "correct .dvc/config" in line.cure and not remote.cache_links(tmp_path)


def test_a_folder_that_may_not_be_written_says_so(tmp_path, monkeypatch):
    (tmp_path / "store").mkdir()
    monkeypatch.setattr(os, "access", lambda *_: False)
    assert "not write" in configured(tmp_path, str(tmp_path / "store"))


def test_a_server_that_is_silent_is_left(tmp_path, monkeypatch):
    monkeypatch.setattr(remote, "PATIENCE", 6.0)
    with hostile_server.serving() as server:
        server.fallback = lambda handler: hostile_server.silent(handler) or True
        assert "no answer within 6 seconds" in configured(tmp_path, server.url)
        assert server.paths()  # it was asked: DVC itself was not too slow


def test_a_server_that_refuses_connections_is_named_as_such(tmp_path):
    line = configured(tmp_path, "http://127.0.0.1:9/store")
    assert line.startswith("TO DO") and "\n" not in line and "connect" in line.lower()


def test_a_server_that_denies_access_is_not_reached(tmp_path):
    with hostile_server.serving() as server:
        server.odd["/store/files/md5"] = hostile_server.answer(403)
        line = configured(tmp_path, f"{server.url}/store")
    assert line.startswith("TO DO") and "403" in line


def test_a_store_that_nobody_has_pushed_to_yet_is_reached(tmp_path):
    with hostile_server.serving() as server:
        line = configured(tmp_path, f"{server.url}/store")
        assert server.paths()
    assert line.startswith("ok") and "reached" in line


def test_a_repository_that_dvc_cannot_open_is_a_line(tmp_path):
    (tmp_path / ".dvc").mkdir()
    (tmp_path / ".dvc/config").write_text(
        "[core]\n    remote = team\n['remote \"team\"']\n    url = http://127.0.0.1:9\n"
    )
    [line] = remote.lines(tmp_path)
    assert line.cure and "not a git repository" in line.found
