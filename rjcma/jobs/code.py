"""The digest of code, and the versions of the libraries that it computes with.

The digest is that of the syntax trees of modules and of all that they import from the package,
directly or indirectly. Comments, docstrings and formatting do not count, so they can be improved
without making any file again. Left out are

- modules that move, check and report work but do not change results (`OUTSIDE`);
- params sections, the classes derived from `Section`: they only check values, and keys hold the
  checked values as settings.

Modules are read as text; nothing is imported.
"""

from __future__ import annotations

import ast
import functools
import sys
from collections.abc import Iterable, Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

from rjcma.jobs.digests import digest_text

PACKAGE = "rjcma"
ROOT = Path(__file__).parents[2]
"""The folder that contains the package."""

OUTSIDE = ("rjcma.command", "rjcma.jobs", "rjcma.params", "rjcma.problem")
"""Modules and packages that do not change results."""

SECTION = "Section"
"""The name of the base class of params sections (`rjcma.params`)."""

LIBRARIES = {
    "accelerate": "accelerate",  # the training step: mixed precision, gradients of all processes
    "av": "av",  # FFmpeg: decodes and resamples
    "cv2": "opencv-python",  # decodes, resizes and draws
    "deepmultilingualpunctuation": "deepmultilingualpunctuation",
    "espeakng_loader": "espeakng-loader",  # the sample's voice
    "numpy.random": "numpy",  # random numbers may change with its version (NEP 19)
    "pocketsphinx": "pocketsphinx",  # the engine and the model in its package
    "scipy": "scipy",  # filters of the sample's voice
    "torch": "torch",
    "torchaudio": "torchaudio",  # the mel filters
    "transformers": "transformers",  # its version fixes that of tokenizers
    "vosk": "vosk",
}
"""The libraries that compute what is stored, by the names under which they are imported.

Others do not count: NumPy's arithmetic is exact or defined (IEEE 754); h5py, safetensors and json
store values but do not compute them; pydantic and ruamel.yaml check values; matplotlib draws
pictures that have no key.
"""


def modules() -> list[str]:
    """All modules of the package, except `OUTSIDE`."""
    files = (path.relative_to(ROOT) for path in ROOT.joinpath(PACKAGE).rglob("*.py"))
    return [name for file in files if _counts(name := ".".join(file.with_suffix("").parts))]


def digest(modules: Iterable[str]) -> str:
    """The digest of these modules and of all that they import."""
    reached = _closure(tuple(sorted(set(modules))))
    return digest_text("\n".join(f"{module} {_tree(path)}" for module, path in reached))


def libraries(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the `LIBRARIES` that these modules import, directly or indirectly.

    The local part of a version is left out: `2.13.0+cpu` and `2.13.0+cu130` are the same torch.
    """
    reached = _closure(tuple(sorted(set(modules))))
    used = {
        distribution
        for _, path in reached
        for imported in _imported(path)
        for name, distribution in LIBRARIES.items()
        if imported == name or imported.startswith(name + ".")
    }
    return {name: version(name).partition("+")[0] for name in sorted(used)}


@functools.cache
def _closure(modules: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """These modules and all that they import from the package, except `OUTSIDE`; sorted."""
    reached: dict[str, Path] = {}
    waiting = [(module, _file(module) or _loaded(module)) for module in modules]
    while waiting:
        module, path = waiting.pop()
        if module not in reached:
            reached[module] = path
            waiting += [
                (name, file) for name in _imported(path) if _counts(name) and (file := _file(name))
            ]
    return tuple(sorted(reached.items()))


def _counts(module: str) -> bool:
    """Whether a module is in the package and may change results."""
    within = module.startswith(PACKAGE + ".")
    return within and not any(module == o or module.startswith(o + ".") for o in OUTSIDE)


def _file(module: str) -> Path | None:
    """The file of a module of the package; None for any other."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if module.startswith(PACKAGE + ".") and path.is_file() else None


def _loaded(module: str) -> Path:
    """The file of an imported module outside the package, of a program that uses it for example."""
    return Path(str(sys.modules[module].__file__))


@functools.cache
def _imported(path: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, anywhere in it, except those for type checking."""
    return tuple(dict.fromkeys(_names(_parsed(path))))


def _names(tree: ast.AST) -> Iterator[str]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        elif not (isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"):
            yield from _names(node)


def _parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_bytes())


@functools.cache
def _tree(path: Path) -> str:
    """The digest of a file's syntax tree, without documentation and params sections."""
    tree = _parsed(path)
    sections = _sections(tree)
    return digest_text("".join(_written(tree, sections)))


def _sections(tree: ast.Module) -> set[str]:
    """The names of the params sections that a module defines."""
    names = {SECTION}
    for node in tree.body:  # a base is defined before its derived classes
        if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & names:
            names.add(node.name)
    return names - {SECTION}


def _written(value: Any, sections: set[str]) -> Iterator[str]:
    """A syntax tree as text that is the same in every version of Python.

    Newer versions add fields to nodes, which are empty for code that older versions know: empty
    fields are left out. So are the empty strings that some versions (3.12.1) add to f-strings, and
    bare strings, which are documentation.
    """
    if isinstance(value, ast.AST):
        yield f"({type(value).__name__}"
        for name, field in ast.iter_fields(value):
            if field not in (None, []) and name not in ("type_comment", "kind"):
                if isinstance(value, ast.JoinedStr):
                    field = [part for part in field if not _is_empty_text(part)]
                yield f" {name}="
                yield from _written(field, sections)
        yield ")"
    elif isinstance(value, list):
        yield "["
        for item in value:
            if not _is_documentation(item) and not _is_section(item, sections):
                yield from _written(item, sections)
        yield "]"
    else:
        yield repr(value)


def _is_documentation(node: Any) -> bool:
    return (
        isinstance(node, ast.Expr)
        and isinstance(node.value, ast.Constant)
        and isinstance(node.value.value, str)
    )


def _is_empty_text(node: Any) -> bool:
    return isinstance(node, ast.Constant) and node.value == ""


def _is_section(node: Any, sections: set[str]) -> bool:
    return isinstance(node, ast.ClassDef) and node.name in sections
