"""The committed params with changes, for use in any folder."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from places import ROOT
from ruamel.yaml import YAML


def sections() -> dict[str, Any]:
    """The sections of the committed params, with the absolute paths of models."""
    committed: dict[str, Any] = YAML(typ="safe", pure=True).load(ROOT / "params.yaml")
    for name in ("speech", "punctuation"):
        committed[name]["model"] = str(ROOT / committed[name]["model"])
    return committed


def params(folder: Path, **changes: object) -> Path:
    """Write them to `params.yaml` in a folder; a dictionary changes only its own keys."""
    changed = sections()
    for name, change in changes.items():
        changed[name] = {**changed[name], **change} if isinstance(change, dict) else change
    YAML(typ="safe", pure=True).dump(changed, folder / "params.yaml")
    return folder / "params.yaml"
