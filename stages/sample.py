"""Stage sample: make the sample corpus."""

from pathlib import Path

from rjcma.command import run
from rjcma.corpus.settings import Corpus
from rjcma.params import load
from rjcma.sample.make import make
from rjcma.sample.settings import Sample


def main(params: Path = Path("params.yaml")) -> None:
    """Make the sample corpus at corpus.root: annotated short videos of drawn people who speak.

    It has the layout of Aff-Wild2, or of another corpus, and depends only on its settings. A
    sample corpus that is there already is kept or replaced; any other folder is never touched.
    """
    make(load(params, "sample", Sample), Path(load(params, "corpus", Corpus).root))


if __name__ == "__main__":
    run(main)
