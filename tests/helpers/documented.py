"""The params that docs/corpora.md changes for each layout of the sample."""

from __future__ import annotations

import re
from typing import Any, NamedTuple

from places import ROOT
from ruamel.yaml import YAML


class Changed(NamedTuple):
    """What a block of the page says."""

    sections: dict[str, Any]
    """Whole sections of params, by name."""
    lines: int


def documented() -> dict[str, Changed]:
    """The blocks of the page, by layout."""
    page = (ROOT / "docs/corpora.md").read_text()
    blocks = re.findall(r"```yaml\n(.*?)```", page, re.DOTALL)
    changed = [Changed(YAML(typ="safe").load(text), text.count("\n")) for text in blocks]
    return {each.sections["sample"]["layout"]: each for each in changed}
