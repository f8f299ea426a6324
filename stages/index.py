"""Stage index: the corpus's clips and labels, after an audit of all of it."""

from __future__ import annotations

from pathlib import Path

from rjcma.command import run
from rjcma.corpus import labels, manifest
from rjcma.corpus.audit import audit
from rjcma.corpus.cache import Cache
from rjcma.corpus.settings import Corpus
from rjcma.corpus.summary import summary
from rjcma.params import load


def main(
    root: Path,
    clips: Path,
    out: Path,
    params: Path = Path("params.yaml"),
    cache: Path = Path(".rjcma/index.jsonl"),
) -> None:
    """Examine every clip of the corpus under ROOT; write the manifest CLIPS and the labels in OUT.

    Files that are the same stay untouched. While there is a problem nothing is written: mend it,
    or name the clip in corpus.exclude. What was read is kept in the cache in any case.
    """
    found = audit(root, load(params, "corpus", Corpus), Cache(cache))
    print(summary(found))
    found.findings.check()
    manifest.write(clips, found.clips)
    labels.write(out, found.labels)


if __name__ == "__main__":
    run(main)
