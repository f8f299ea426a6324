"""Stage attend: the attention of the trained networks, for the pages of the report."""

from pathlib import Path

from rjcma import manifest
from rjcma.attention.attend_all import attend_all
from rjcma.command import run
from rjcma.params import load
from rjcma.scoring import runs as trained
from rjcma.scoring.settings import Runs
from rjcma.training.settings import Training


def main(
    clips: Path,
    visual: Path,
    audio: Path,
    text: Path,
    runs: Path,
    out: Path,
    params: Path = Path("params.yaml"),
) -> None:
    """Write OUT/CLIP.h5: the correlation matrices of the paper's fusion for windows of each clip.

    CLIPS is the manifest; VISUAL, AUDIO and TEXT are the folders of the modalities' features, and
    RUNS is the folder of the runs that the params section `runs` names.
    """
    wanted, records = load(params, "runs", Runs), manifest.read(clips)
    found = trained.read(runs, wanted, records)
    folders = {"visual": visual, "audio": audio, "text": text}
    device = load(params, "training", Training).device
    attend_all(records, found, runs, folders, out, wanted.attention, device)


if __name__ == "__main__":
    run(main)
