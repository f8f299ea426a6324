"""Where models of `transformers` are, and what identifies them.

A model is named by, in this order, `package:<name>` of an installed Python package with a model in
its folder `model/` (the package is not imported); a folder; a name on the Hugging Face hub, whose
files must be in the local cache, unless the user has set HF_HUB_OFFLINE=0.
"""

from __future__ import annotations

import importlib.util
import os
from pathlib import Path

from rjcma.jobs.digests import digest_folder
from rjcma.problem import Problem

PACKAGE = "package:"


def locate(name: str, *, key: str) -> str:
    """The folder of the model called `name`, for `from_pretrained`.

    If the user has allowed the network, a name on the hub is returned as it is, and transformers
    downloads what it needs. `key` is the params key of the model, for the `Problem` that is raised
    if there is none.
    """
    if name.startswith(PACKAGE):
        return str(_in_package(name, key))
    if not Path(name).is_dir():
        return name if _online() else str(_in_cache(name, key))
    if not (Path(name) / "config.json").is_file():
        raise Problem(
            file=f"{key}: {name}",
            found="a folder without config.json",
            expected="a folder that transformers' save_pretrained wrote",
            cure=f"copy all files of the model into it, or correct {key}",
        )
    return name


def identity(name: str, *, key: str) -> str | Problem:
    """What identifies a model: the digest of its files, or its name and revision on the hub.

    For a missing model the problem is returned, not raised.
    """
    try:
        if name.startswith(PACKAGE) or Path(name).is_dir():
            return digest_folder(Path(locate(name, key=key)))
        return f"{name}@{_in_cache(name, key).name}"
    except Problem as problem:
        return problem


def _in_package(name: str, key: str) -> Path:
    package = name.removeprefix(PACKAGE)
    spec = importlib.util.find_spec(package) if package.isidentifier() else None
    places = (spec.submodule_search_locations if spec else None) or []
    for place in places:
        if (Path(place) / "model" / "config.json").is_file():
            return Path(place) / "model"
    raise Problem(
        file=f"{key}: {name}",
        found="no model in that package" if spec else "no such package",
        expected="an installed Python package with a transformers model in its folder model/",
        cure=f"install it with pip, or name a model's folder or hub name in {key}",
    )


def _online() -> bool:
    return os.environ.get("HF_HUB_OFFLINE", "1") == "0"


def _in_cache(name: str, key: str) -> Path:
    """The folder of the model's revision in the hub's cache: .../snapshots/<revision>."""
    from huggingface_hub import hf_hub_download  # only here: most settings name no model on the hub

    try:
        config = hf_hub_download(name, "config.json", local_files_only=not _online())
        return Path(config).parent
    except (OSError, ValueError):
        raise Problem(
            file=f"{key}: {name}",
            found="no such folder, and no such model in the local cache of the Hugging Face hub",
            expected="a model's folder, or the name of a model in that cache",
            cure=f"download it once from https://huggingface.co/{name} by running this with "
            f"HF_HUB_OFFLINE=0, or put the model's files into a folder and set {key} to it",
        ) from None
