"""Stage encode: what stage train reads of faces, or of log-mel windows."""

from pathlib import Path

from rjcma import manifest
from rjcma.command import run
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoded, Encoders
from rjcma.params import load
from rjcma.training.settings import Training


def main(
    modality: Encoded, clips: Path, values: Path, out: Path, params: Path = Path("params.yaml")
) -> None:
    """Write OUT/CLIP.h5 for each clip of the manifest CLIPS, from its file in VALUES.

    Where the encoder of this MODALITY is precomputed, they hold its vector of each frame; where
    stage train runs it, they refer to the VALUES, faces or log-mel windows, themselves.
    """
    settings, training = load(params, "encoders", Encoders), load(params, "training", Training)
    encode_all(modality, manifest.read(clips), values, out, settings, training.seed)


if __name__ == "__main__":
    run(main)
