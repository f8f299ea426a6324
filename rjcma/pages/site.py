"""A folder of pages that opens from disk, without a server or a network.

    index.html              the front page
    clips/<clip>.html       a page per clip
    assets/style.css, *.js  the style, and the scripts of all pages
    assets/plotly.min.js    draws the figures
    assets/data/<name>.js   the data of a page, as a script: a page from disk may not read files

The pages are Jinja's, with escaping on: names and words are shown as text. Figures are Plotly's:
one well-kept file in a Python package that is installed anyway, which zooms, pans and hovers, reads
arrays as base64, and works without a network (ours). The same content gives the same bytes.
"""

from __future__ import annotations

import base64
import functools
import json
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.resources import as_file, files
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import numpy as np
from jinja2 import Environment, PackageLoader, StrictUndefined
from numpy.typing import NDArray

from rjcma.jobs.files import partial_of
from rjcma.problem import Problem

INDEX, CLIPS, ASSETS = "index.html", "clips", "assets"
WRITTEN = (INDEX, CLIPS, ASSETS)
"""All that a site consists of, in its folder."""

PLOTLY = "plotly.min.js"


class Site(NamedTuple):
    """A folder of pages that is being written."""

    folder: Path
    """A temporary folder, until the site is complete (`building`)."""
    name: str
    """What the site shows, for the head of each page: `Report`, `Predictions`."""

    def page(
        self, path: str, template: str, *, title: str, data: Sequence[str] = (), **context: Any
    ) -> None:
        """Write a page from a template of `templates/`, which extends `base.html`.

        `path` is relative to the site: `clips/anna.html`. `data` names the data that the page
        loads, and `context` is what the template shows.
        """
        root = "../" * path.count("/")
        text = _templates().get_template(template)
        scripts = [data_address(name) for name in data]
        known = {"site": self.name, "title": title, "root": root, "data_scripts": scripts}
        _write(self.folder / path, text.render(**known, **context))

    def data(self, name: str, value: Any) -> None:
        """Write data for pages: `report.data[name]` in their scripts.

        `value` is what JSON can hold, and NumPy arrays (`packed`).
        """
        text = f"report.add({script_json(name)}, {script_json(value)});\n"
        _write(self.folder / ASSETS / "data" / f"{name}.js", text)

    def asset(self, name: str, content: bytes) -> str:
        """Write a file, such as a picture, below `assets/`. -> its address from the site's root."""
        path = self.folder / ASSETS / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return f"{ASSETS}/{quote(name)}"


@contextmanager
def building(folder: Path, name: str) -> Iterator[Site]:
    """A new site in `folder`, which takes the place of an earlier one when it is complete.

    If there is an error, the earlier one stays. Other files in the folder are not touched.
    """
    folder.mkdir(parents=True, exist_ok=True)
    partial = partial_of(folder / "pages")
    shutil.rmtree(partial, ignore_errors=True)
    try:
        (partial / CLIPS).mkdir(parents=True)
        _copy_assets(partial / ASSETS)
        yield Site(partial, name)
        for part in WRITTEN:
            remove(folder / part)
            (partial / part).rename(folder / part)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def refuse_others(folder: Path, data: str, cure: str) -> None:
    """Raise `Problem` if `folder` has pages of another kind, which new ones would replace.

    Each kind of pages has data of one name, `data`, by which earlier ones of it are known.
    """
    there = any((folder / name).exists() for name in WRITTEN)
    if there and not (folder / ASSETS / "data" / f"{data}.js").is_file():
        raise Problem(
            file=folder,
            found="pages of something else, which would be replaced",
            expected=f"a folder without pages, or with earlier ones of the same kind ({data})",
            cure=cure,
        )


def clip_address(clip: str) -> str:
    """The address of a clip's page from the site's root; a name may hold any character.

    >>> clip_address("a#1?")
    'clips/a%231%3F.html'
    """
    return f"{CLIPS}/{quote(clip)}.html"


def data_address(name: str) -> str:
    """The address of the script with data of this name from the site's root.

    >>> data_address("clips/a#1")
    'assets/data/clips/a%231.js'
    """
    return f"{ASSETS}/data/{quote(name)}.js"


def packed(values: NDArray[Any]) -> dict[str, Any]:
    """An array for scripts, which Plotly reads as it is: base64 of float32, int32 or uint8.

    Arrays of more dimensions than one also have a `shape`.

    >>> packed(np.array([0.5]))
    {'dtype': 'f4', 'bdata': 'AAAAPw=='}
    """
    kind = "<f4" if values.dtype.kind == "f" else "u1" if values.dtype == np.uint8 else "<i4"
    data = base64.b64encode(np.ascontiguousarray(values, kind).tobytes()).decode()
    shape = {"shape": ", ".join(map(str, values.shape))} if values.ndim > 1 else {}
    return {"dtype": kind.lstrip("<"), "bdata": data, **shape}


def read_data(folder: Path, name: str) -> Any:
    """The data `name` of a site that is complete (`Site.data`); its arrays stay `packed`.

    Raises `OSError` if there is none, and `ValueError` if it is damaged.
    """
    text = (folder / ASSETS / "data" / f"{name}.js").read_text(encoding="utf-8")
    begin, end = "report.add(", ");\n"
    if not (text.startswith(begin) and text.endswith(end)):
        raise ValueError(f"{name} is no data of a page")
    _, value = json.loads(f"[{text[len(begin) : -len(end)]}]")
    return value


def script_json(value: Any) -> str:
    """JSON that is safe in a script, also inside a page: it holds no `<`, `>` or `&`.

    Raises `ValueError` for a number that is not finite, outside of arrays.
    """
    text = json.dumps(value, default=_plain, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def plotly_text(text: str) -> str:
    """A text that Plotly shows as it is: it takes `<b>` and its like for markup otherwise.

    >>> plotly_text("<b>1 & 2")
    '&lt;b&gt;1 &amp; 2'
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def remove(path: Path) -> None:
    """Remove a file or a folder, if it is there: its files may be links into DVC's cache."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return packed(value)
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, Mapping):
        return dict(value)
    raise TypeError(f"{type(value).__name__} in the data of a page")


@functools.cache  # it keeps the templates compiled, which is most of the work of a page
def _templates() -> Environment:
    """The templates; a name that a template uses and nobody gives is an error."""
    return Environment(
        loader=PackageLoader("rjcma.pages"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )


def _copy_assets(folder: Path) -> None:
    with as_file(files("rjcma.pages") / "assets") as own:
        shutil.copytree(own, folder, copy_function=shutil.copyfile)
    shutil.copyfile(_plotly(), folder / PLOTLY)


def _plotly() -> Path:
    """Plotly's script in its package, which is not imported: that would take a quarter second."""
    spec = find_spec("plotly")
    assert spec is not None and spec.origin is not None
    return Path(spec.origin).parent / "package_data" / PLOTLY


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
