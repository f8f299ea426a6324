"""Stage encode: the visual or audio feature that stage train reads."""

from pathlib import Path
from typing import Annotated

import typer

from rjcma import manifest
from rjcma.command import run
from rjcma.encoders.encode_all import encode_all
from rjcma.encoders.settings import Encoded, Encoders
from rjcma.params import load
from rjcma.training.settings import Training

Folder = Annotated[Path, typer.Option()]


def main(
    modality: Encoded,
    clips: Path,
    out: Path,
    frames: Folder,
    whole: Folder,
    params: Path = Path("params.yaml"),
) -> None:
    """Write OUT/CLIP.h5 for each clip of the manifest CLIPS, with the encoder of this MODALITY.

    FRAMES/CLIP.h5 holds faces or log-mel windows, which most encoders read; WHOLE/VIDEO.wav the
    sound, which a speech model reads. If the encoder is precomputed, OUT receives its vector of
    each frame. If stage train runs the encoder, OUT/CLIP.h5 only refers to FRAMES/CLIP.h5.
    """
    settings, training = load(params, "encoders", Encoders), load(params, "training", Training)
    encode_all(modality, manifest.read(clips), frames, out, settings, training.seed, whole)


if __name__ == "__main__":
    run(main)
