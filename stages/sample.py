"""Stage sample: the sample corpus."""

from pathlib import Path

from rjcma.command import run
from rjcma.corpus.settings import Corpus
from rjcma.params import load
from rjcma.sample.make import make
from rjcma.sample.settings import Sample


def main(params: Path = Path("params.yaml")) -> None:
    """Make the sample corpus at corpus.root: short videos of drawn people who speak, annotated.

    It has the layout of Aff-Wild2 and follows from the seed alone. A sample corpus that stands
    there is kept or replaced; any other folder is left alone.
    """
    make(load(params, "sample", Sample), Path(load(params, "corpus", Corpus).root))


if __name__ == "__main__":
    run(main)
