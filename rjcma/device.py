"""Where tensors live: the device that a params file names."""

from __future__ import annotations

import torch

from rjcma.problem import Problem


def choose(name: str, key: str = "device") -> torch.device:
    """`auto` is a GPU where there is one, else the CPU; any other name is taken as it stands.

    Raises `Problem` for a name that torch does not know and a device that is not here; `key` is
    the params key that names it.
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
