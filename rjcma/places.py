"""Where the pipeline keeps its files, as dvc.yaml says: no other file names these paths."""

from __future__ import annotations

import shlex
from itertools import takewhile
from pathlib import Path

from ruamel.yaml import YAML, YAMLError

from rjcma.problem import Problem

PIPELINE = Path("dvc.yaml")


def arguments(stage: str) -> list[Path]:
    """The paths that the program of a stage is given, in order, before any options.

    They are those of its command in dvc.yaml.

    Raises `Problem` if that cannot be read.
    """
    try:
        command = YAML(typ="safe").load(PIPELINE)["stages"][stage]["cmd"]
        words = shlex.split(command)
        given = words[words.index(f"stages.{stage}") + 1 :]
        return [Path(word) for word in takewhile(lambda word: not word.startswith("-"), given)]
    except FileNotFoundError:
        found = "no such file"
    except (YAMLError, UnicodeDecodeError) as error:
        found = str(error)
    except (LookupError, TypeError, ValueError, AttributeError):
        found = f"no stage {stage} with a command"
    raise Problem(
        file=PIPELINE,
        found=found,
        expected="the pipeline's stages",
        cure="go to the project's folder, or correct the file",
    )


def record_of_models() -> Path:
    """The record of models that stage `index` writes. Raises `Problem` as `arguments` does."""
    return arguments("index")[3]
