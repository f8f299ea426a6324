"""Runs in one file, with which a colleague predicts: `rjcma export`.

A bundle is a ZIP file, not compressed, of these members and no others:

    manifest.json          {"format", "package", "models": {key: {"name", "digest"}}, "files":
                           {member: [bytes, digest]}}
    runs/<target>-<fold>/  weights.safetensors, run.json, history.csv, engines.json

Models are named, with their digests, and not copied: each has its own licence, and is often larger
than the runs. The same runs give the same bytes. Members are read by name, up to the size that the
manifest lists, and each must have the digest that it lists.
"""

from __future__ import annotations

import hashlib
import re
import struct
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rjcma.jobs.digests import digest_file, digest_read
from rjcma.jobs.files import replacing, unwritable, written
from rjcma.jobs.provenance import package
from rjcma.predict.engines import recorded
from rjcma.predict.trained import RUN, WEIGHTS, Trained
from rjcma.problem import Problem
from rjcma.training.engines import ENGINES

FORMAT: Literal[1] = 1
MANIFEST = "manifest.json"
FILES = (WEIGHTS, RUN, "history.csv", ENGINES)
"""The files of a run that are in a bundle; not its predictions, which are of the corpus's clips."""

MEMBER = re.compile(rf"runs/[A-Za-z][A-Za-z0-9_]*-\d+/({'|'.join(map(re.escape, FILES))})")
"""The name of a member; it can lead nowhere else."""

MOST, LARGEST, LONGEST = 4000, 2**32, 2**21
"""Members of a bundle, bytes of a member, and bytes of the manifest, at most (ours)."""

PIECE = 2**20  # bytes that are copied at once (ours)
EPOCH = (1980, 1, 1, 0, 0, 0)  # the time of all members: ZIP's first

DAMAGED = (
    *(zipfile.BadZipFile, zipfile.LargeZipFile, struct.error),
    *(NotImplementedError, RuntimeError, EOFError, ValueError),
)
"""What Python's library raises for damaged ZIP files."""

CURE = "get the bundle again from whoever exported it"


class Named(BaseModel):
    """A model that the features need."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    """What the params call it: a path, or a name on the hub."""
    digest: str


class Manifest(BaseModel):
    """What a bundle holds."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    format: Literal[1]
    package: str
    models: dict[str, Named]
    files: dict[str, tuple[int, str]] = Field(min_length=1, max_length=MOST)


def write(runs: Sequence[Trained], path: Path) -> Manifest:
    """Write a bundle of these runs.

    Raises `Problem` for runs that do not say what they need, and for a path that cannot be written;
    then nothing is left of it.
    """
    params, digests = recorded(runs)
    models = {key: Named(name=_name(params, key), digest=d) for key, d in digests.items()}
    members = {
        f"runs/{run.name}/{name}": run.folder / name
        for run in sorted(runs, key=lambda run: run.name)
        for name in FILES
        if (run.folder / name).is_file()
    }
    files = {name: (file.stat().st_size, digest_read(file)) for name, file in members.items()}
    manifest = Manifest(format=FORMAT, package=package(), models=models, files=files)
    there = written(path, "a path for a bundle")
    with there as partial, zipfile.ZipFile(partial, "w") as bundle:
        bundle.writestr(_info(MANIFEST), manifest.model_dump_json(indent=1) + "\n")
        for name, file in members.items():
            info = _info(name, files[name][0])
            with file.open("rb") as source, bundle.open(info, "w") as target:
                while piece := source.read(PIECE):
                    target.write(piece)
    return manifest


def unpacked(path: Path, folder: Path) -> list[Path]:
    """The folders of a bundle's runs, unpacked below `folder` unless they are there already.

    Raises `Problem` for a file that is no bundle, is of a newer version, or was edited, and for a
    full disk.
    """
    place = folder / digest_file(path)[:12]
    try:
        with zipfile.ZipFile(path) as bundle:
            manifest = _manifest(bundle, path)
            for name, (size, digest) in manifest.files.items():
                if not (place / name).is_file() or digest_file(place / name) != digest:
                    with bundle.open(name) as member:
                        _copy(member, place / name, size, digest, path)
    except DAMAGED as error:
        raise _problem(path, f"a damaged file ({error})") from None
    except OSError as error:  # a damaged file may also name a place before its beginning
        refused = unwritable(error, place)
        raise refused or _problem(path, f"a damaged file ({error.strerror})") from None
    return sorted({(place / name).parent for name in manifest.files})


def is_bundle(path: Path) -> bool:
    """Whether a file is a ZIP file, as bundles are."""
    return path.is_file() and zipfile.is_zipfile(path)


def _manifest(bundle: zipfile.ZipFile, path: Path) -> Manifest:
    """A bundle's manifest, with which its members agree in name and size."""
    infos = {info.filename: info for info in bundle.infolist()}
    if MANIFEST not in infos or infos[MANIFEST].file_size > LONGEST:
        raise _problem(path, "a ZIP file without the manifest of a bundle")
    with bundle.open(MANIFEST) as member:
        text = member.read(LONGEST)
    try:
        manifest = Manifest.model_validate_json(text)
    except ValidationError as error:
        if any(mistake["loc"] == ("format",) for mistake in error.errors()):
            raise Problem(
                file=path,
                found="a bundle of another format",
                expected=f"format {FORMAT}",
                cure="update rjcma, or have the runs exported again",
            ) from None
        raise _problem(path, "a manifest of another form") from None
    if len(infos) != len(bundle.infolist()) or infos.keys() - {MANIFEST} != manifest.files.keys():
        raise _problem(path, "members that its manifest does not list, or lists that are missing")
    for name, (size, _) in manifest.files.items():
        info = infos[name]
        if not MEMBER.fullmatch(name) or info.compress_type != zipfile.ZIP_STORED:
            raise _problem(path, f"a member {name[:200]!r} that no bundle has")
        if info.file_size != size or size > LARGEST:
            raise _edited(path, name)
    return manifest


def _copy(member: IO[bytes], target: Path, size: int, digest: str, path: Path) -> None:
    """Write a member to the file `target`, if it has this size and digest."""
    known, left = hashlib.blake2b(digest_size=16), size
    with replacing(target) as partial:
        with partial.open("wb") as file:
            while piece := member.read(min(PIECE, left + 1)):
                left -= len(piece)
                if left < 0:
                    raise _edited(path, target.name)
                known.update(piece)
                file.write(piece)
        if left or known.hexdigest() != digest:
            raise _edited(path, "/".join(target.parts[-3:]))


def _info(name: str, size: int = 0) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name, EPOCH)
    info.file_size = size  # of 2 GiB and more it must be known before
    info.create_system, info.external_attr = 3, 0o644 << 16  # the same on every system
    return info


def _name(params: Mapping[str, object], key: str) -> str:
    """What the recorded params call the model of this key."""
    value: object = params
    for name in key.split("."):
        value = value.get(name) if isinstance(value, Mapping) else getattr(value, name, None)
    return str(value)


def _edited(path: Path, name: str) -> Problem:
    return _problem(path, f"{name} with other bytes than the bundle was made with")


def _problem(path: Path, found: str) -> Problem:
    expected = "a bundle as `rjcma export` wrote it"
    return Problem(file=path, found=found, expected=expected, cure=CURE)
