"""`rjcma doctor`: a line for each thing, whatever is missing, broken or slow."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from places import ROOT

from rjcma import entry
from rjcma.doctor import examination
from rjcma.doctor.examination import Question, asked
from rjcma.doctor.line import Line


def doctor(*words: str, path: str = "", python: str = sys.executable, folder: Path = ROOT):
    """Run it as a user does -> exit status, lines by name, all that was printed."""
    environment = {**os.environ, "PYTHONPATH": path}
    done = subprocess.run(
        [python, *words], cwd=folder, env=environment, capture_output=True, text=True
    )
    lines: dict[str, str] = {}
    for text in done.stdout.splitlines():
        if text.startswith(("ok", "TO DO")):
            lines[text[7:].split(" ")[0]] = text
    assert "Traceback" not in done.stdout + done.stderr
    return done.returncode, lines, done.stdout + done.stderr


NAMES = {"project", "python", "programs", "packages", "libraries", "ffmpeg", "torch", "gpu"} | {
    *("torchaudio", "params", "model", "corpus", "manifest", "disk", "memory", "dvc", "remote")
}


def test_in_the_project_everything_is_looked_at():
    status, lines, printed = doctor("-m", "rjcma.doctor")
    assert set(lines) == NAMES
    assert status == ("TO DO" in printed)
    for name in ("project", "python", "libraries", "ffmpeg", "torch", "torchaudio", "params"):
        assert lines[name].startswith("ok"), lines[name]


BROKEN = {
    "numpy.py": "raise AttributeError('module numpy has no attribute _core')",
    "torch.py": "import os, signal; os.kill(os.getpid(), signal.SIGSEGV)",
    "typer.py": "raise ImportError('cannot import name Exit from click')",
    "pydantic.py": "raise SystemError('initialization of _pydantic_core failed')",
    "h5py.py": "raise ModuleNotFoundError(\"No module named 'h5py'\", name='h5py')",
}


def test_packages_that_are_broken_are_named_and_the_rest_is_still_looked_at(tmp_path):
    for name, text in BROKEN.items():
        (tmp_path / name).write_text(text)
    status, lines, _ = doctor("-m", "rjcma.entry", "doctor", path=str(tmp_path))
    assert status == 1
    assert "no attribute _core" in lines["numpy"]
    assert "died of SIGSEGV while it looked at torch" in lines["libraries"]
    assert lines["params"].startswith("TO DO") and "make setup" in lines["params"]
    assert {"python", "packages", "dvc", "remote", "ffmpeg"} <= set(lines)


def test_without_any_package_it_says_what_to_do():
    bare = Path(sys.base_prefix) / "bin" / "python3"
    if not bare.is_file():
        pytest.skip("the interpreter of this environment is not at hand")
    status, lines, _ = doctor("-S", "-m", "rjcma.doctor", python=str(bare))
    assert status == 1
    assert "make setup" in lines["packages"] and lines["packages"].startswith("TO DO")


def test_only_pythons_own_library_is_imported_before_others_are_asked():
    program = (
        "import sys; from rjcma import entry; from rjcma.doctor import examination;"
        "print(sorted({name.split('.')[0] for name in sys.modules} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run(
        [sys.executable, "-S", "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "['__main__', 'rjcma']" or done.stdout.strip() == "['rjcma']"


def test_a_command_that_cannot_start_names_the_doctor(monkeypatch, tmp_path):
    (tmp_path / "typer.py").write_text(BROKEN["typer.py"])
    status, _, printed = doctor("-m", "rjcma.entry", "status", path=str(tmp_path))
    assert status == 1 and printed.startswith("problem: cannot import name Exit")
    assert "rjcma doctor" in printed


def test_a_command_that_lacks_a_package_names_the_doctor(tmp_path):
    (tmp_path / "dvc.py").write_text("raise ImportError('undefined symbol')")
    status, _, printed = doctor("-m", "rjcma.entry", "pull", "report", path=str(tmp_path))
    assert status == 1 and printed.startswith("problem: undefined symbol: run `rjcma doctor`")


def test_outside_the_project_the_first_line_says_where_to_go(tmp_path):
    status, lines, _ = doctor("-m", "rjcma.doctor", path=str(ROOT), folder=tmp_path)
    assert status == 1 and "no dvc.yaml" in lines["project"]


@pytest.fixture
def ask(tmp_path, monkeypatch):
    """Ask a process that runs this program."""
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))

    def ask(program: str, patience: float = 20.0) -> list[Line]:
        (tmp_path / "asked_module.py").write_text(program)
        return asked(Question("it", "asked_module", ()), patience)

    return ask


def test_what_a_library_prints_is_not_taken_for_a_line(ask):
    program = (
        "import json\nprint('Hello'); print('[1]'); print('3'); print(json.dumps('abc'.split('b')))"
    )
    assert ask(f"{program}\nprint(json.dumps(['a', 'b', '']))") == [Line("a", "b")]


def test_a_process_that_hangs_is_ended(ask):
    lines = ask(
        "from rjcma.doctor.examination import looking\nlooking('torch')\nwhile True: pass", 1.5
    )
    assert [line.found for line in lines] == [
        "no answer within 1.5 seconds while it looked at torch"
    ]
    assert lines[0].cure


def test_a_process_that_fails_gives_its_last_words(ask):
    [line] = ask("raise RuntimeError('of all things')")
    assert line.found == "RuntimeError: of all things" and line.cure


@pytest.mark.parametrize("words, status", [(["--help"], 0), (["--what"], 2), (["a", "b"], 2)])
def test_other_arguments_show_the_usage(words, status, capsys, monkeypatch):
    monkeypatch.setattr(sys, "argv", ["rjcma", "doctor", *words])
    with pytest.raises(SystemExit) as left:
        entry.main()
    assert left.value.code == status
    assert "usage: rjcma doctor" in "".join(capsys.readouterr())


def test_a_line_stays_a_line():
    assert "\n" not in Line("a", "b\nc", "d\ne").text()
    assert examination._parsed("")[0] == []
