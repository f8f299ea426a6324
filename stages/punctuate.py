"""Stage punctuate: from words to transcripts."""

from pathlib import Path

from rjcma.command import run
from rjcma.params import load
from rjcma.text.punctuate_all import punctuate_all
from rjcma.text.settings import Punctuation


def main(words: Path, out: Path, params: Path = Path("params.yaml")) -> None:
    """Restore punctuation and capitals in the words of each video, WORDS/VIDEO.json.

    The number, order and times of the words stay; a mark is attached to the word before it.
    """
    punctuate_all(words, out, load(params, "punctuation", Punctuation))


if __name__ == "__main__":
    run(main)
