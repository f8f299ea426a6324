"""Asked by `examination`: whether the libraries that compute can be imported, and what they find.

Each is imported in turn, and announced before, since a broken one may end the process.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rjcma.doctor.examination import answer, looking
from rjcma.doctor.line import Line, failure, gigabytes

PLAIN = ("numpy", "h5py", "cv2", "vosk", "pocketsphinx", "safetensors", "matplotlib", "psutil")
"""Libraries of which it is enough that they can be imported."""

AGAIN = "install it anew: pip install --force-reinstall --no-deps -r requirements.lock"
CODECS = (("h264", "r"), ("aac", "r"), ("mpeg4", "r"), ("libx264", "w"))
"""What videos need: decoders, and an encoder for those that are made."""

DRIVER = Path("/proc/driver/nvidia/version")


def main() -> None:
    """Answer."""
    missing: list[str] = []
    for name, look in [*((name, _imported) for name in PLAIN), *LARGE]:
        looking(name)
        try:
            for line in look(name):
                answer(line)
        except ModuleNotFoundError as error:
            missing.append(str(error.name))
        except Exception as error:
            cure = "run `python -m rjcma.install`" if name == "torchaudio" else AGAIN
            answer(failure(name, error, cure))
    if missing:
        answer(Line("libraries", f"no {', no '.join(dict.fromkeys(missing))}", "run `make setup`"))
    else:
        answer(Line("libraries", f"{', '.join(PLAIN)} are installed"))


def _imported(name: str) -> list[Line]:
    importlib.import_module(name)
    return []


def ffmpeg(_: str) -> list[Line]:
    """FFmpeg in PyAV: its libraries' version and the codecs that are needed."""
    import av
    from av.codec import Codec

    missing = []
    for name, mode in CODECS:
        try:
            Codec(name, mode)  # type: ignore[arg-type]
        except ValueError:
            missing.append(name)
    version = ".".join(map(str, av.library_versions["libavcodec"]))
    found = f"PyAV {av.__version__} with libavcodec {version}"
    if missing:
        return [Line("ffmpeg", f"{found}, without {', '.join(missing)}", AGAIN)]
    return [Line("ffmpeg", f"{found}: reads H.264, MPEG-4 and AAC, writes H.264")]


def torch(_: str) -> list[Line]:
    """torch, and the GPUs that it can use."""
    import torch

    cores = torch.get_num_threads()
    lines = [Line("torch", f"{torch.__version__}, {cores} {'core' if cores == 1 else 'cores'}")]
    try:
        return [*lines, gpu(torch)]
    except Exception as error:  # of the driver or the card: torch itself is well
        cure = "update the driver, or free the card; `nvidia-smi` shows both"
        return [*lines, failure("gpu", error, cure)]


def gpu(torch: Any) -> Line:
    """The GPUs that this torch can use, or why it uses none."""
    if torch.cuda.is_available():
        found = []
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            found.append(f"{card.name} ({gigabytes(card.total_memory)})")
        (torch.zeros(2, device="cuda") + 1).sum().item()  # fails if the driver is too old
        return Line("gpu", f"{', '.join(found)}, CUDA {torch.version.cuda}")
    if getattr(torch.backends, "mps", None) is not None and torch.backends.mps.is_available():
        return Line("gpu", "Apple's (mps); device auto uses the CPU")
    if DRIVER.exists() and os.environ.get("CUDA_VISIBLE_DEVICES") != "":
        if torch.version.cuda is None:
            unused = f"an NVIDIA driver, but torch {torch.__version__} is for CPUs, which are used"
            return Line("gpu", f"{unused}; a torch for CUDA (pytorch.org) would use the GPU")
        return Line(
            "gpu",
            f"an NVIDIA driver, but torch for CUDA {torch.version.cuda} finds no GPU",
            "update the driver, or install a torch for its CUDA; `nvidia-smi` shows it",
        )
    return Line("gpu", "none: the CPU is used")


def torchaudio(_: str) -> list[Line]:
    """torchaudio, of which mel filters and edit distances are used."""
    import torchaudio

    banks: Callable[..., Any] = torchaudio.compliance.kaldi.get_mel_banks
    banks(8, 64, 16000, 125, 7500, 100, -500, 1.0)
    return [Line("torchaudio", torchaudio.__version__)]


LARGE = (("ffmpeg", ffmpeg), ("torch", torch), ("torchaudio", torchaudio))
"""Libraries that are looked at more closely."""

if __name__ == "__main__":
    main()
