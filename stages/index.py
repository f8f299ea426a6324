"""Stage index: audit the corpus, and write its clips and labels."""

from __future__ import annotations

from pathlib import Path

from rjcma import manifest, start
from rjcma.command import run
from rjcma.corpus import labels
from rjcma.corpus.audit import audit
from rjcma.corpus.summary import summary
from rjcma.jobs.memory import Memory


def main(
    clips: Path,
    out: Path,
    models: Path,
    params: Path = Path("params.yaml"),
    memory: Path = Path(".rjcma/index.jsonl"),
) -> None:
    """Examine every clip of the corpus; write the manifest CLIPS, the labels in OUT, and MODELS.

    The whole params file is checked first. Unchanged files are not touched. If there is a problem,
    nothing is written: correct it, or name the clip in corpus.exclude. What was read from the
    corpus is remembered in MEMORY in any case. MODELS lists the models of all stages, by content.
    """
    checked = start.check(params, models)
    for note in checked.notes:
        print(f"note: {note}")
    sections = checked.sections
    result = audit(sections["corpus"], Memory(memory), sections["fusion"].modalities)
    print(summary(result))
    result.findings.check()
    start.record(models, checked.models)
    manifest.write(clips, result.clips)
    labels.write(out, result.labels)


if __name__ == "__main__":
    run(main)
