"""The sample corpus in its folder: kept if it is up to date, else made again."""

from __future__ import annotations

import pkgutil
import shutil
from pathlib import Path

from rjcma.jobs.digests import digest_read, digest_value
from rjcma.jobs.files import partial_of
from rjcma.jobs.ledger import LEDGER, Ledger, Wanted
from rjcma.jobs.progress import say
from rjcma.jobs.recipe import Recipe, modules_of
from rjcma.params import keyed
from rjcma.problem import Problem
from rjcma.sample.settings import Sample

WRITE = "rjcma.sample.corpus:write"
MARKER = "SAMPLE.txt"
ABOUT = "Made by the stage `sample`: drawn people, synthetic speech. This folder may be replaced.\n"


def make(settings: Sample, root: Path) -> None:
    """Make sure that `root` holds this corpus; another sample corpus there is replaced.

    It is written to a folder beside `root`, which is renamed when complete. Raises `Problem` if
    `root` holds anything else.
    """
    _refuse_to_replace(root)
    recipe = Recipe.of(modules_of(WRITE), {"sample": keyed(settings)}, {})
    reasons = Ledger(root).lacks({MARKER: Wanted(recipe, "")}).get(MARKER, ())
    if not reasons and (root / MARKER).read_text() == _marker(root):
        say(f"{root}: kept")
        return
    say(f"{root}: to make ({' and '.join(reasons) or 'edited file'})")
    partial = partial_of(root)
    shutil.rmtree(partial, ignore_errors=True)
    pkgutil.resolve_name(WRITE)(settings, partial)
    (partial / MARKER).write_text(_marker(partial))
    Ledger(partial).add(MARKER, Wanted(recipe, ""), digest_read(partial / MARKER))
    if root.exists():
        shutil.rmtree(root)
    partial.replace(root)


def _marker(root: Path) -> str:
    """The marker's text: what made the folder, and the digest of its other files."""
    paths = sorted(p for p in root.rglob("*") if p.is_file() and p.name not in (MARKER, LEDGER))
    contents = [[path.relative_to(root).as_posix(), digest_read(path)] for path in paths]
    return f"{ABOUT}Content: {digest_value(contents)}\n"


def _refuse_to_replace(root: Path) -> None:
    if root.exists() and not (root / MARKER).exists() and any(root.iterdir()):
        raise Problem(
            file=root,
            found=f"a folder without {MARKER}, which this stage did not make",
            expected="no folder, an empty one, or a sample corpus to replace",
            cure="set corpus.make: [] to use your own corpus, or name another corpus.root",
        )
