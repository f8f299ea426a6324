"""The last step of an installation: leave a torchaudio that imports.

torchaudio's published wheel is built for CUDA. Beside a torch without CUDA, or with another one,
its compiled extensions cannot load and `import torchaudio` fails, although nothing here calls
them: without these files it imports, and its Python part is whole. So they are removed where, and
only where, the import fails with them.
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
    """The compiled files in the `lib` folder of an installed package, which is not imported."""
    spec = importlib.util.find_spec(module)
    if spec is None or spec.origin is None:
        return []
    return sorted((Path(spec.origin).parent / "lib").glob("*.so"))


def main() -> None:
    if imports("torchaudio"):
        return
    for path in extensions("torchaudio"):
        path.unlink()
        print(f"removed {path.name}: it does not load beside this torch, and is not used here")
    if not imports("torchaudio"):
        sys.exit("problem: torchaudio does not import; `python -c 'import torchaudio'` shows why")


if __name__ == "__main__":
    main()
