from __future__ import annotations

import subprocess
import sys

import pytest

from rjcma import install


def test_torchaudio_can_be_imported_after_installation():
    subprocess.run([sys.executable, "-c", "import torchaudio"], check=True)


@pytest.fixture
def broken(tmp_path, monkeypatch):
    """A package that can be imported only if the compiled file in its `lib` folder is removed."""
    package = tmp_path / "brokenaudio"
    (package / "lib").mkdir(parents=True)
    extension = package / "lib" / "_brokenaudio.abi3.so"
    extension.write_bytes(b"no ELF")
    (package / "__init__.py").write_text(
        f"import os\nassert not os.path.exists({str(extension)!r})"
    )
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    return extension


def test_only_the_compiled_files_that_keep_a_package_from_importing_are_found(broken):
    assert not install.imports("brokenaudio")
    assert install.extensions("brokenaudio") == [broken]
    broken.unlink()
    assert install.imports("brokenaudio")


def test_a_missing_package_has_no_compiled_files():
    assert install.extensions("no_such_package_at_all") == []
