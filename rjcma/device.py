"""The torch device that a params file names."""

from __future__ import annotations

import torch

from rjcma.problem import Problem


def choose(name: str, key: str = "device") -> torch.device:
    """The device: for `auto` a GPU if there is one, else the CPU; any other name is torch's own.

    Raises `Problem` for a name that torch does not know, and for a device that this machine does
    not have; `key` is the params key of the name.
    """
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError) as error:
        raise Problem(
            file=key,
            found=f"{name} ({str(error).splitlines()[0]})",
            expected="auto, cpu, or a device of this machine such as cuda:0",
            cure=f"set {key} to auto",
        ) from None
    return device
