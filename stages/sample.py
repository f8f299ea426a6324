"""Make the sample corpus."""

from pathlib import Path

from rjcma.command import run
from rjcma.params import load
from rjcma.sample.corpus import make
from rjcma.sample.settings import Sample


def main(root: Path, params: Path = Path("params.yaml")) -> None:
    """Make the sample corpus at ROOT: short videos of drawn people who speak, annotated.

    It has the layout of Aff-Wild2 and follows from the seed alone. A sample corpus that stands at
    ROOT is replaced; any other folder is left alone.
    """
    make(load(params, "sample", Sample), root)


if __name__ == "__main__":
    run(main)
