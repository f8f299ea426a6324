"""Provenance: what a file was made of, kept inside the file.

    file, clip | video | run    its name in its folder, and the name of the job that made it
    stage, function, package    what made it: the stage, the function (of a report: the functions),
                                the version of this package
    code, libraries, settings, models       its recipe (`rjcma.jobs.recipe`)
    inputs                      by name, the digests of its inputs
    content                     the digest of the file before its provenance was put in

There is no path, time, machine or device in it: the same recipe, inputs and package version give
the same bytes. It is JSON: an attribute of an HDF5 file's root group, a member of a JSON object, an
entry in the metadata of safetensors, each called `about`. Files of other forms have no place for
it: the folder's ledger holds what its recipe does not say.

Keys hold inputs by content (`rjcma.jobs.inputs`): provenance that changes makes nothing again.
"""

from __future__ import annotations

import functools
import json
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

from rjcma.jobs.digests import digest_read
from rjcma.jobs.files import ABOUT, replace, replacing
from rjcma.jobs.recipe import Recipe, modules_of

PACKAGE = "rjcma"
REPORT = "about.json"
"""The file in a report's folder that holds the provenance of all its files."""

About = Mapping[str, Any]
"""Provenance, or a part of it, as plain values."""


class Made(NamedTuple):
    """A complete file."""

    digest: str
    """The digest of the file."""
    content: str = ""
    """The digest of the file without its provenance; empty if it holds none."""
    about: About = {}
    """If it holds none: its provenance, except its name and its recipe."""


def stamped(path: Path, name: str, about: About, recipe: Recipe) -> Made:
    """Put provenance into the file `path`, whose final name is `name`, if its form has a place.

    Raises `ValueError` if the file does not have the form that its name says.
    """
    content = digest_read(path)
    form = _FORMS.get(Path(name).suffix)
    if form is None:
        return Made(content, about=about)
    form.write(path, {"file": name, **about, **recipe.model_dump(), "content": content})
    return Made(digest_read(path), content)


def read(path: Path) -> About | None:
    """The provenance in a file; None if there is none, or if the file cannot be read."""
    form = _FORMS.get(path.suffix)
    try:
        about = form.read(path) if form else None
    except (OSError, ValueError, LookupError, TypeError):
        return None
    return about if isinstance(about, dict) else None


def write_report(
    folder: Path,
    stage: str,
    functions: Sequence[str],
    parts: Sequence[str],
    settings: About,
    inputs: Mapping[str, str],
) -> None:
    """Write the provenance of a report, and the digest of each of its files, as `about.json`.

    `functions`, each as `module:name`, have written it; `parts` are the names of its files and
    folders, or patterns of such. What else is in the folder is not part of it.
    """
    files = sorted(_files(folder, parts))
    content = {
        "files": {path.relative_to(folder).as_posix(): digest_read(path) for path in files},
        ABOUT: {
            "stage": stage,
            "function": ", ".join(functions),
            "package": package(),
            **Recipe.of(modules_of(*functions), settings, {}).model_dump(),
            "inputs": dict(inputs),
        },
    }
    replace(folder / REPORT, (json.dumps(content, indent=1) + "\n").encode())


def _files(folder: Path, parts: Sequence[str]) -> Iterator[Path]:
    """The files in a folder that these parts of it are, or hold."""
    for path in (found for part in parts for found in folder.glob(part)):
        yield from (file for file in (path, *path.rglob("*")) if file.is_file())


@functools.cache
def package() -> str:
    """The name and the version of this package."""
    return f"{PACKAGE} {version(PACKAGE)}"


class _Form(NamedTuple):
    """A form of files that has a place for provenance."""

    write: Callable[[Path, About], None]
    read: Callable[[Path], Any]


def _text(about: About) -> str:
    return json.dumps(about, sort_keys=True)


def _write_hdf5(path: Path, about: About) -> None:
    import h5py  # here, since most programs that import this module write no HDF5
    import numpy as np

    with h5py.File(path, "r+") as file:
        file.attrs[ABOUT] = np.bytes_(_text(about))  # a text of variable length takes 4 KB more


def _read_hdf5(path: Path) -> Any:
    import h5py

    with h5py.File(path, "r") as file:
        return json.loads(file.attrs[ABOUT])


def _write_json(path: Path, about: About) -> None:
    text = path.read_text(encoding="utf-8")
    if not json.loads(text) or not text.startswith("{"):
        raise ValueError("no JSON object, or an empty one")
    members = text.rstrip().removesuffix("}").rstrip()
    path.write_text(f'{members},\n"{ABOUT}": {_text(about)}}}\n', encoding="utf-8")


def _read_json(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))[ABOUT]


def _write_safetensors(path: Path, about: About) -> None:
    """Write the header again: the library would write several entries in no fixed order."""
    with path.open("rb") as file, replacing(path) as partial, partial.open("wb") as out:
        header = _header(file)
        metadata = header.pop(_METADATA, {})
        said = _said(metadata)
        rest = {
            key: {k: v for k, v in value.items() if said[key].get(k) != v} if key in said else value
            for key, value in about.items()
        }
        header = {_METADATA: {**metadata, ABOUT: _text(rest)}, **header}
        text = json.dumps(header, separators=(",", ":")).encode()
        text += b" " * (-len(text) % 8)
        out.write(len(text).to_bytes(8, "little") + text)
        shutil.copyfileobj(file, out)


def _read_safetensors(path: Path) -> Any:
    with path.open("rb") as file:
        metadata = _header(file)[_METADATA]
    said = _said(metadata)
    rest = json.loads(metadata[ABOUT])
    return {key: {**said[key], **value} if key in said else value for key, value in rest.items()}


_METADATA = "__metadata__"


def _header(file: BinaryIO) -> dict[str, Any]:
    """The header of a safetensors file: its length in 8 bytes, then JSON; tensors follow."""
    length, whole = int.from_bytes(file.read(8), "little"), os.fstat(file.fileno()).st_size
    header: dict[str, Any] = json.loads(file.read(min(length, whole)))
    return header


def _said(metadata: Mapping[str, str]) -> dict[str, dict[str, Any]]:
    """What a run's own metadata (`rjcma.training.saved`) says already: it is not said twice."""
    if "run" not in metadata:
        return {}
    run = json.loads(metadata["run"])
    settings = {"target": run["target"], "fold": run["fold"], **run["params"]}
    return {"settings": settings, "inputs": {"labels": run["labels"], **run["features"]}}


_FORMS = {
    ".h5": _Form(_write_hdf5, _read_hdf5),
    ".json": _Form(_write_json, _read_json),
    ".safetensors": _Form(_write_safetensors, _read_safetensors),
}
