"""The DVC remote: whether one is set and can be reached. DVC is only asked about servers."""

from __future__ import annotations

import configparser
import os
import subprocess
import sys
from pathlib import Path

from rjcma.doctor.line import Line

CONFIGS = (".dvc/config", ".dvc/config.local")
"""DVC's settings of a repository, later ones before earlier ones."""

UNREADABLE = (configparser.Error, UnicodeDecodeError)
"""What is raised for damaged settings."""

LINKS = ("reflink", "hardlink", "symlink")
"""Kinds of links that DVC's cache may use."""

PATIENCE = 8.0
"""Seconds that a server has (ours)."""

ASK = """
from dvc.repo import Repo
with Repo() as repo:
    odb = repo.cloud.get_remote_odb()
    try:
        odb.fs.info(odb.path)
    except FileNotFoundError as error:
        cause = error.__cause__
        if cause is not None and getattr(cause, "status", None) != 404:
            raise cause from None
"""
"""A store that nobody has pushed to yet may be missing; over HTTP, DVC calls a server missing too
that refuses, and the cause says which it is.
"""


def lines(folder: Path) -> list[Line]:
    """A line on the default remote."""
    try:
        name, url = _default(folder)
    except UNREADABLE as error:
        first = str(error).splitlines()[0]
        return [Line("remote", first, "correct .dvc/config, or restore it from git")]
    if not name:
        return [Line("remote", "none is set: nothing is shared (docs/team.md)")]
    if not url:
        return [Line("remote", f"{name} has no address", "dvc remote add -f -d NAME ADDRESS")]
    where = f"{name}, {url}"
    if "://" in url and not url.startswith("file://"):
        return [_server(folder, where)]
    path = Path(url[7:] if url.startswith("file://") else url)
    path = path if path.is_absolute() else folder / ".dvc" / path
    if path.is_dir():
        writable = os.access(path, os.W_OK)
        return [Line("remote", where if writable else f"{where} (you may read it, not write)")]
    cure = f"make or mount {path}, or set another: dvc remote modify {name} url PLACE"
    return [Line("remote", f"{where}: no such folder", cure)]


def cache_links(folder: Path) -> bool:
    """Whether DVC's cache links files, or is elsewhere: then nothing is on this disk twice."""
    try:
        parser = _settings(folder)
    except UNREADABLE:
        return False
    first = parser.get("cache", "type", fallback="").partition(",")[0].strip()
    return first in LINKS or bool(parser.get("cache", "dir", fallback=""))


def _settings(folder: Path) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(interpolation=None)
    for path in CONFIGS:
        parser.read(folder / path, encoding="utf-8")
    return parser


def _default(folder: Path) -> tuple[str, str]:
    """The default remote's name and address; empty if there is none."""
    parser = _settings(folder)
    name = parser.get("core", "remote", fallback="")
    for section in (f"'remote \"{name}\"'", f'remote "{name}"'):
        if parser.has_section(section):
            return name, parser.get(section, "url", fallback="")
    return name, ""


def _server(folder: Path, where: str) -> Line:
    """Ask DVC, in a process that is ended after a while."""
    cure = "check the address, your access and the network; `dvc push` says more"
    try:
        done = subprocess.run(
            [sys.executable, "-c", ASK],
            cwd=folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=PATIENCE,
        )
    except subprocess.TimeoutExpired:
        return Line("remote", f"{where}: no answer within {PATIENCE:g} seconds", cure)
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it fails"])[-1]
        return Line("remote", f"{where}: {last[:200]}", cure)
    return Line("remote", f"{where}: reached")
