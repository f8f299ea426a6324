"""A first params file for a corpus: the sample's, but for what a corpus decides."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from rjcma.corpus.first_files import Contents
from rjcma.corpus.first_form import Form
from rjcma.problem import Problem

FOLDS = 5
"""Folds without official validation clips, and further folds with them (ours)."""

HEAD = """\
# The settings of the pipeline for the corpus in {root}, a first guess: check the section corpus.
# Encoders and training are small, as for the sample corpus; params/affwild2.yaml has the paper's.

"""

SPEECH = """\
speech: # CHECK: this one is for English and for a first try; docs/engines.md names better ones
  engine: pocketsphinx
  model: null

"""

PUNCTUATION = """\
punctuation: # CHECK: as above
  engine: pauses
  model: null

"""


def text(
    folder: Path, groups: Mapping[str, int], form: Form | None, found: Contents, base: Path
) -> str:
    """The params for a corpus in `folder`, from those in the file `base`.

    `groups` are the numbers of groups by partition. Raises `Problem` if `base` cannot be read.
    """
    try:
        old = base.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Problem(
            file=base,
            found=str(getattr(error, "strerror", None) or error),
            expected="the params file that is taken for what the corpus does not decide",
            cure="run from the repository's root, or give another with --base",
        ) from None
    _, *blocks = re.split(r"(?m)^(?=\w+:)", old)
    sections = {block.partition(":")[0]: block for block in blocks}
    official = groups["validation"] > 0
    folds = max(min(FOLDS, groups["train"]) + official, 2)
    targets = form.targets if form else ["valence", "arousal"]
    sections |= {
        "corpus": _corpus(folder, form, found, targets, folds),
        "speech": SPEECH,
        "punctuation": PUNCTUATION,
        "runs": f"runs:\n  targets: {inline(targets)}\n  folds: {inline(list(range(folds)))}\n",
    }
    if not found.faces:
        sections["faces"] = _faces(sections["faces"], base.parent)
    return HEAD.format(root=folder.as_posix()) + "".join(sections.values())


def _corpus(
    folder: Path, form: Form | None, found: Contents, targets: list[str], folds: int
) -> str:
    lines = [
        "corpus:",
        "  make: [] # no stage makes it",
        "  layout: list",
        f"  root: {inline(folder.as_posix())}",
        "  list: clips.csv # CHECK its columns partition, group, person, start, end",
        f"  faces: {inline(found.faces)}",
        f"  targets: {inline(targets)} # CHECK",
        f"  folds: {folds} # or leave_one_group_out",
        "  annotations: # CHECK each line; docs/annotations.md explains them",
    ]
    settings = form.settings if form else {}
    comments = form.comments if form else {}
    for key, value in {"format": "table", **settings, "gold": "mean"}.items():
        comment = f" # {comments[key]}" if key in comments else ""
        lines.append(f"    {key}: {inline(value)}{comment}")
    return "\n".join(lines) + "\n\n"


def _faces(old: str, folder: Path) -> str:
    """The section of faces, with YuNet if a model of it is in `folder`, else with Haar cascades."""
    model = next(iter(sorted(folder.glob("models/*yunet*.onnx"))), None)
    detector = "{engine: haar} # CHECK: weak; yunet finds more, and needs its model's file"
    if model is not None:
        detector = f"{{engine: yunet, model: {inline(model.relative_to(folder).as_posix())}}}"
    kept = re.sub(r"(?m)^  detector:.*\n", "", old).rstrip("\n")
    return f"{kept}\n  detector: {detector}\n\n"


def inline(value: Any) -> str:
    """A value as YAML in one line.

    >>> inline({"rate": "video"}), inline(["FM1", "a: b"]), inline("x")
    ('{rate: video}', "[FM1, 'a: b']", 'x')
    """
    yaml = YAML(typ="safe", pure=True)
    yaml.default_flow_style = True
    yaml.width = 10**6
    yaml.sort_base_mapping_type_on_output = False  # type: ignore[assignment]
    out = io.StringIO()
    yaml.dump({"_": value}, out)
    return out.getvalue().strip().removeprefix("{_: ").removesuffix("}")
