"""What code means, as a digest, and the versions of the libraries that it computes with.

The digest is that of the syntax trees of a module and of all that it imports from its package, in
the end. Comments, docstrings and formatting are in no syntax tree that is looked at, so that they
can be improved without making anything anew. Left out are

- modules that move, check and report work but shape no result (`OUTSIDE`);
- params sections, the classes derived from `Section`: they check values, and the values that they
  let through stand in keys as settings.

Nothing is imported to be digested: modules are read as text.
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
"""The folder that the package lies in."""

OUTSIDE = ("rjcma.command", "rjcma.jobs", "rjcma.params", "rjcma.problem")
"""Modules, or packages of them, that shape no result."""

SECTION = "Section"
"""The name of the base class of params sections (`rjcma.params`)."""

LIBRARIES = {
    "accelerate": "accelerate",  # the training step: mixed precision, gradients of all processes
    "av": "av",  # FFmpeg: decodes and resamples
    "cv2": "opencv-python",  # decodes, resizes and draws
    "deepmultilingualpunctuation": "deepmultilingualpunctuation",
    "espeakng_loader": "espeakng-loader",  # the sample's voice
    "numpy.random": "numpy",  # its generators' streams may change with a version (NEP 19)
    "pocketsphinx": "pocketsphinx",  # the engine and the model that it carries
    "scipy": "scipy",  # filters of the sample's voice
    "torch": "torch",
    "torchaudio": "torchaudio",  # the mel filters
    "transformers": "transformers",  # its version fixes that of tokenizers
    "vosk": "vosk",
}
"""The libraries that compute what is stored, by the name they are imported by.

No others: arithmetic of numpy is exact or defined (IEEE 754); h5py, safetensors and json hold
values and do not make them; pydantic and ruamel.yaml check; matplotlib draws what is not kept.
"""


def meaning(modules: Iterable[str]) -> str:
    """The digest of what these modules and all that they import mean."""
    reached = _closure(tuple(sorted(set(modules))))
    return digest_text("\n".join(f"{module} {_tree(path)}" for module, path in reached))


def libraries(modules: Iterable[str]) -> dict[str, str]:
    """The versions of the `LIBRARIES` that these modules, and all that they import, import.

    Without the local part of a version: `2.13.0+cpu` and `2.13.0+cu130` are one torch.
    """
    reached = _closure(tuple(sorted(set(modules))))
    found = {
        distribution
        for _, path in reached
        for imported in _imported(path)
        for name, distribution in LIBRARIES.items()
        if imported == name or imported.startswith(name + ".")
    }
    return {name: version(name).partition("+")[0] for name in sorted(found)}


@functools.cache
def _closure(modules: tuple[str, ...]) -> tuple[tuple[str, Path], ...]:
    """These modules and all that they import from the package and that shapes results, sorted."""
    reached: dict[str, Path] = {}
    waiting = [(module, _file(module) or _loaded(module)) for module in modules]
    while waiting:
        module, path = waiting.pop()
        if module not in reached:
            reached[module] = path
            waiting += [
                (name, file) for name in _imported(path) if _shapes(name) and (file := _file(name))
            ]
    return tuple(sorted(reached.items()))


def _shapes(module: str) -> bool:
    """Whether a module of the package may shape a result."""
    within = module.startswith(PACKAGE + ".")
    return within and not any(module == o or module.startswith(o + ".") for o in OUTSIDE)


def _file(module: str) -> Path | None:
    """The file of one of the package's modules, or None."""
    path = ROOT.joinpath(*module.split(".")).with_suffix(".py")
    return path if module.startswith(PACKAGE + ".") and path.is_file() else None


def _loaded(module: str) -> Path:
    """The file of a module that is none of the package's, a program's that uses it for instance."""
    return Path(str(sys.modules[module].__file__))


@functools.cache
def _imported(path: Path) -> tuple[str, ...]:
    """The dotted names that a file imports, wherever in it; those for type checking are none."""
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
    """The digest of a file's syntax tree, of what shapes results in it."""
    tree = _parsed(path)
    sections = _sections(tree)
    return digest_text("".join(_written(tree, sections)))


def _sections(tree: ast.Module) -> set[str]:
    """The names of the params sections that are defined here."""
    found = {SECTION}
    for node in tree.body:  # a base stands before what is derived from it
        if isinstance(node, ast.ClassDef) and {ast.unparse(base) for base in node.bases} & found:
            found.add(node.name)
    return found - {SECTION}


def _written(value: Any, sections: set[str]) -> Iterator[str]:
    """A syntax tree as text, which is the same in every version of Python.

    Later versions give nodes more fields, which are empty for code that earlier ones understand:
    empty fields are left out, and so are the empty ends that some (3.12.1) give f-strings. Bare
    strings are documentation, and are left out.
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
