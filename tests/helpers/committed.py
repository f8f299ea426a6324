"""The committed params with changes, to be used from any folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from places import ROOT
from ruamel.yaml import YAML


def sections() -> dict[str, Any]:
    """The sections of the committed params; models are named by where they are on this machine."""
    found: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    for name in ("speech", "punctuation"):
        found[name]["model"] = str(ROOT / found[name]["model"])
    return found


def params(folder: Path, **changes: object) -> Path:
    """Write them to `params.yaml` in a folder; a dictionary changes only the keys it names."""
    found = sections()
    for name, change in changes.items():
        found[name] = {**found[name], **change} if isinstance(change, dict) else change
    YAML(typ="safe", pure=True).dump(found, folder / "params.yaml")
    return folder / "params.yaml"
