"""Stage index: audit the corpus, and write its clips and labels."""

from __future__ import annotations

from pathlib import Path

from rjcma import start
from rjcma.command import run
from rjcma.corpus.index import Index, index
from rjcma.jobs.memory import Memory


def main(
    clips: Path,
    out: Path,
    record: Path,
    models: Path,
    engines: Path,
    params: Path = Path("params.yaml"),
    memory: Path = Path(".rjcma/index.jsonl"),
) -> None:
    """Examine every clip of the corpus; write the manifest CLIPS, the labels in OUT, and MODELS.

    The whole params file is checked first. Unchanged files are not touched. If there is a problem,
    nothing is written: correct it, or name the clip in corpus.exclude. What was read from the
    corpus is remembered in MEMORY in any case. RECORD says with what settings the manifest was
    made; where the corpus is missing, the shared files are kept if these settings still apply.
    MODELS lists the models of all stages, by content, and ENGINES the settings of all engines.
    """
    checked, files = start.check(params, models), Index(clips, out, record)
    for note in checked.notes:
        print(f"note: {note}")
    index(checked.sections["corpus"], start.wanted(checked.sections), files, Memory(memory))
    start.record(models, checked.models)
    start.record_engines(engines, checked.sections, models)


if __name__ == "__main__":
    run(main)
