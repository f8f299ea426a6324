"""The last step of an installation: make sure that torchaudio can be imported.

torchaudio's published wheel is built for one version of CUDA. With a torch for the CPU, or for
another version, its compiled extensions cannot be loaded and `import torchaudio` fails, although
nothing here calls them. Without these files the import works, and so does torchaudio's Python code.
So they are removed, but only if the import fails with them.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from pathlib import Path


def imports(module: str) -> bool:
    """Whether a fresh interpreter can import the module."""
    command = [sys.executable, "-c", f"import {module}"]
    return subprocess.run(command, stderr=subprocess.DEVNULL).returncode == 0


def extensions(module: str) -> list[Path]:
    """The compiled files in the `lib` folder of an installed package; it is not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    return sorted((Path(spec.origin).parent / "lib").glob("*.so"))


def main() -> None:
    if imports("torchaudio"):
        return
    for path in extensions("torchaudio"):
        path.unlink()
        print(f"removed {path.name}: it cannot be loaded with this torch, and is not used here")
    if not imports("torchaudio"):
        sys.exit("problem: cannot import torchaudio; `python -c 'import torchaudio'` shows why")


if __name__ == "__main__":
    main()
