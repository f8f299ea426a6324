"""The folder of a Vosk model, checked without loading the model."""

from __future__ import annotations

from pathlib import Path

from rjcma.jobs.digests import digest_folder
from rjcma.problem import Problem

NEEDED = (
    "am/final.mdl",
    "conf/mfcc.conf",
    "conf/model.conf",
    "graph/words.txt",
    "graph/phones/word_boundary.int",  # without it the times of words would be wrong
)
STATIC_GRAPH = ("graph/HCLG.fst",)
DYNAMIC_GRAPH = ("graph/HCLr.fst", "graph/Gr.fst", "graph/disambig_tid.int")
ENDPOINTS = "--endpoint.silence-phones="


def identity(folder: str) -> str | Problem:
    """The digest of a model's folder; or the problem with it."""
    try:
        check(Path(folder))
    except Problem as problem:
        return problem
    return digest_folder(Path(folder))


def check(folder: Path) -> None:
    """Raise `Problem` unless a folder holds the files of a Vosk model.

    If one is missing, libvosk fails without naming it, or ends the process.
    """
    if not folder.is_dir():
        raise unusable(folder, "no such folder")
    dynamic = (folder / DYNAMIC_GRAPH[0]).exists() and not (folder / STATIC_GRAPH[0]).exists()
    graph = DYNAMIC_GRAPH if dynamic else STATIC_GRAPH
    for name in (*NEEDED, *graph):
        file = folder / name
        if not file.is_file() or not file.stat().st_size:
            raise unusable(folder, f"{'an empty' if file.is_file() else 'no'} {name} in it")
    if ENDPOINTS not in (folder / "conf/model.conf").read_text(errors="replace"):
        raise unusable(folder, f"a conf/model.conf without {ENDPOINTS}")


def unusable(folder: Path, found: str) -> Problem:
    """The problem of a folder that cannot be used as a model."""
    return Problem(
        file=folder,
        found=found,
        expected="the folder of a Vosk model (speech.model)",
        cure="download a model such as vosk-model-en-us-0.22, the paper's, from"
        " https://alphacephei.com/vosk/models, unpack it into models/ and name its folder,"
        " models/vosk-model-en-us-0.22, in speech.model",
    )
