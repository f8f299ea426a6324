"""What the scripts of this folder share: their command line, the writing of files, the report."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

MODELS = Path(__file__).parent
SEED = 1

Folder = Annotated[Path, typer.Argument(help="The model's folder.")]
"""The one argument of every script."""


def write_files(folder: Path, files: Mapping[str, bytes | str]) -> None:
    """Write files below a folder; their names may have folders."""
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)


@contextmanager
def report(folder: Path) -> Iterator[None]:
    """Print at the end the size of each file of a model, of all, and the time it took."""
    began = time.monotonic()
    yield
    sizes = {p: p.stat().st_size for p in sorted(folder.rglob("*")) if p.is_file()}
    for path, size in sizes.items():
        print(f"{size:8d}  {path.relative_to(folder)}")
    print(f"{folder}: {sum(sizes.values()) / 1e6:.2f} MB, {time.monotonic() - began:.0f} s")
