"""Stage encode: the visual or audio feature that stage train reads."""

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
    """Write OUT/CLIP.h5 for each clip of the manifest CLIPS, from VALUES/CLIP.h5.

    VALUES holds faces or log-mel windows. If the encoder of this MODALITY is precomputed, OUT
    receives its vector of each frame. If stage train runs the encoder, OUT/CLIP.h5 only refers to
    VALUES/CLIP.h5.
    """
    settings, training = load(params, "encoders", Encoders), load(params, "training", Training)
    encode_all(modality, manifest.read(clips), values, out, settings, training.seed)


if __name__ == "__main__":
    run(main)
