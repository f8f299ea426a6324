"""The digest of code: what changes it and what does not, on copies of the package itself."""

from __future__ import annotations

import ast
import functools
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from places import ROOT

from rjcma.jobs import code

STAGES = {
    "extract_audio": ["rjcma.audio.extract"],
    "faces": ["rjcma.vision.faces"],
    "logmel": ["rjcma.audio.logmel"],
    "transcribe": ["rjcma.speech.transcribe", "rjcma.speech.vosk_engine"],
    "punctuate": ["rjcma.text.punctuate", "rjcma.text.pauses"],
    "embed_text": ["rjcma.text.embed"],
    "encode": ["rjcma.encoders.encode", "rjcma.encoders.compact_visual"],
    "train": ["rjcma.training.run", "rjcma.fusion.rjcma"],
    "train_concat": ["rjcma.training.run", "rjcma.fusion.concat"],
}
"""Modules whose digest is in keys, by the stage that uses them."""


class Copy:
    """A copy of the package, whose modules can be changed."""

    def __init__(self, root: Path) -> None:
        self.root, self.known = root, {}
        shutil.copytree(ROOT / "rjcma", root / "rjcma", ignore=shutil.ignore_patterns("*.pyc"))
        self.before = self.digests()

    def digests(self) -> dict[str, str]:
        """The digest of each stage's code in the copy; an unchanged file is not parsed again."""
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(code, "ROOT", self.root)
            patch.setattr(code, "_closure", code._closure.__wrapped__)
            for function in (code._tree, code._imported):
                patch.setattr(code, function.__name__, self._remembering(function.__wrapped__))
            return {name: code.digest(tuple(modules)) for name, modules in STAGES.items()}

    def _remembering(self, function):
        def remembered(path: Path):
            key = function.__name__, path, path.read_bytes()
            if key not in self.known:
                self.known[key] = function(path)
            return self.known[key]

        return remembered

    def changed(self, path: str, change) -> set[str]:
        """The stages whose digest differs after a change of one file's text."""
        file = self.root / path
        text = file.read_text()
        new = change(text)
        assert new != text, "nothing was changed"
        file.write_text(new)
        after = self.digests()
        file.write_text(text)
        return {name for name in STAGES if after[name] != self.before[name]}


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return Copy(tmp_path_factory.mktemp("code"))


def depending_on(path: str) -> set[str]:
    """The stages that depend on a module of the package, given by its path."""
    module = path.removesuffix(".py").replace("/", ".")
    return {n for n, m in STAGES.items() if module in dict(code._closure(tuple(sorted(m))))}


REACHED = sorted(
    {
        file.relative_to(ROOT).as_posix()
        for modules in STAGES.values()
        for _, file in code._closure(tuple(sorted(modules)))
    }
)
"""The files of the package on which a stage's result depends."""


@given(st.sampled_from(REACHED), st.data())
@settings(max_examples=60, deadline=None)
def test_comments_docstrings_and_blank_lines_change_no_digest(copy, path, data):
    lines = (copy.root / path).read_text().splitlines(keepends=True)
    tree = ast.parse("".join(lines))
    ends = [node.end_lineno for node in tree.body if node.end_lineno]
    at = data.draw(st.sampled_from(ends))
    added = data.draw(st.sampled_from(["# a comment\n", "\n\n\n", '"""Documentation."""\n']))
    documented = "".join([*lines[:at], added, *lines[at:]])
    assert copy.changed(path, lambda text: documented) == set()


@given(st.sampled_from(REACHED))
@settings(max_examples=40, deadline=None)
def test_reformatting_and_other_docstrings_change_no_digest(copy, path):
    def reformatted(text: str) -> str:
        tree = ast.parse(text)
        for node in ast.walk(tree):
            body = getattr(node, "body", None)
            if isinstance(body, list) and len(body) > 1 and _documents(body[0]):
                body[0] = ast.Expr(ast.Constant("Other words."))
        return ast.unparse(ast.fix_missing_locations(tree)) + "\n# reformatted\n"

    assert copy.changed(path, reformatted) == set()


def _documents(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


@functools.cache
def mutable_nodes(text: str) -> list[int]:
    """The numbers, in the order of `ast.walk`, of a text's constants and operators that are not
    documentation and not in a params section."""
    tree = ast.parse(text)
    sections = code._sections(tree)
    left_out: set[int] = set()
    for node in ast.walk(tree):
        if code._is_documentation(node) or code._is_section(node, sections):
            left_out |= {id(part) for part in ast.walk(node)}
    types = (ast.Constant, ast.BinOp, ast.Compare)
    return [
        number
        for number, node in enumerate(ast.walk(tree))
        if isinstance(node, types) and id(node) not in left_out and _can_change(node)
    ]


def _can_change(node: ast.AST) -> bool:
    return not isinstance(node, ast.Constant) or isinstance(node.value, int | float | str)


def mutated(text: str, number: int) -> str:
    """The text with one constant or operator changed."""
    tree = ast.parse(text)
    node = list(ast.walk(tree))[number]
    match node:
        case ast.Constant(value=bool()):
            node.value = not node.value
        case ast.Constant(value=int() | float()):
            node.value = node.value + 1
        case ast.Constant(value=str()):
            node.value += "x"
        case ast.BinOp():
            node.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        case ast.Compare():
            node.ops[0] = ast.GtE() if isinstance(node.ops[0], ast.Lt) else ast.Lt()
    return ast.unparse(tree)


@given(st.sampled_from(REACHED), st.data())
@settings(max_examples=100, deadline=None)
def test_a_changed_constant_or_operator_changes_exactly_the_keys_that_depend_on_it(
    copy, path, data
):
    numbers = mutable_nodes((copy.root / path).read_text())
    if numbers:
        number = data.draw(st.sampled_from(numbers))
        assert copy.changed(path, lambda text: mutated(text, number)) == depending_on(path)


def test_the_offset_of_log_mel_changes_the_key_of_logmel_only(copy):
    changed = copy.changed(
        "rjcma/audio/logmel.py", lambda t: t.replace("OFFSET = 0.01", "OFFSET = 0.5")
    )
    assert changed == {"logmel"}


def test_a_changed_default_of_a_function_changes_the_keys_that_depend_on_it(copy):
    old, new = "dropout: float = 0.1", "dropout: float = 0.2"
    changed = copy.changed("rjcma/fusion/tcn.py", lambda text: text.replace(old, new))
    assert changed == {"train", "train_concat"}


@pytest.mark.parametrize(
    "path",
    [
        "rjcma/problem.py",
        "rjcma/params.py",
        "rjcma/command.py",
        "rjcma/jobs/work.py",
        "rjcma/jobs/ledger.py",
        "rjcma/cli.py",
        "rjcma/commands/pipeline.py",
        "rjcma/scoring/metrics.py",
        "rjcma/fusion/transformer.py",
        "rjcma/encoders/vggish.py",
        "rjcma/speech/pocketsphinx_engine.py",
    ],
)
def test_modules_that_change_none_of_these_results_are_in_no_digest(copy, path):
    assert copy.changed(path, lambda text: text + "\nADDED = 1\n") == set()


def test_a_kind_of_fusion_is_in_the_keys_of_its_own_runs_only(copy):
    assert copy.changed("rjcma/fusion/rjcma.py", lambda t: t + "\nADDED = 1\n") == {"train"}


def test_params_sections_are_in_no_digest_since_their_values_are_in_keys(copy):
    added = (
        "\n\nclass Added(Section):\n    more: int = 3\n\n\nclass Below(Added):\n    less: int = 2\n"
    )
    assert copy.changed("rjcma/training/settings.py", lambda text: text + added) == set()
    default = ("patience: int = Field(5", "patience: int = Field(6")
    assert copy.changed("rjcma/training/settings.py", lambda t: t.replace(*default)) == set()
    assert copy.changed("rjcma/training/settings.py", lambda t: t + "\nADDED = 1\n") == {
        "train",
        "train_concat",
    }


def test_an_import_within_a_function_is_followed_and_one_for_type_checking_is_not():
    inside = "def later():\n    import rjcma.speech.words\n"
    assert "rjcma.speech.words" in list(code._names(ast.parse(inside)))
    checked = "if TYPE_CHECKING:\n    import rjcma.speech.words\nimport rjcma.wav\n"
    assert list(code._names(ast.parse(checked))) == ["rjcma.wav"]


def test_libraries_are_those_that_compute_and_are_imported():
    assert set(code.libraries(["rjcma.audio.logmel"])) == {"torch", "torchaudio"}
    assert set(code.libraries(["rjcma.audio.extract"])) == {"av"}
    assert set(code.libraries(["rjcma.vision.faces"])) == {"opencv-python"}
    assert set(code.libraries(["rjcma.speech.transcribe", "rjcma.speech.vosk_engine"])) == {"vosk"}
    assert {"torch", "accelerate", "numpy"} == set(code.libraries(["rjcma.training.run"]))


def test_a_build_of_the_same_version_is_the_same_library(monkeypatch):
    found = {}
    for build in ("2.13.0+cpu", "2.13.0+cu130", "2.13.0"):
        monkeypatch.setattr(code, "version", lambda name, build=build: build)
        found[build] = code.libraries(["rjcma.audio.logmel"])["torch"]
    assert set(found.values()) == {"2.13.0"}


def test_every_imported_library_is_known_to_compute_or_not():
    """Every imported library is in `LIBRARIES`, or is known to compute no result."""
    known = {"pydantic", "pydantic_core", "ruamel", "typer", "tqdm", "h5py", "safetensors", "dvc"}
    known |= {"dvclive", "numpy", "huggingface_hub", "matplotlib", "psutil", "rjcma"}
    known |= {
        "distributed",
        "submitit",
        "requests",
        "urllib3",
        "jinja2",
        "plotly",
        "pyarrow",
        "PIL",
        "scmrepo",
        "dvc_data",
    }
    known |= set(sys.stdlib_module_names)
    computing = {name.partition(".")[0] for name in code.LIBRARIES}
    for path in ROOT.glob("rjcma/**/*.py"):
        for name in code._imported(path):
            assert name.partition(".")[0] in known | computing, f"{path}: {name}"


def interpreters() -> list[str]:
    """Other versions of Python that the project supports and that are installed here."""
    installed = Path(sys.base_prefix).resolve().parent.glob("3.*/bin/python3")
    named = [*map(str, installed), *(shutil.which(f"python3.{n}") or "" for n in (12, 13, 14))]
    program = "import sys; print(sys.version_info >= (3, 11), sys.version_info[:2])"
    own, others = str(sys.version_info[:2]), {}
    for python in filter(None, named):
        output = subprocess.run([python, "-c", program], capture_output=True, text=True).stdout
        if output.startswith("True") and own not in output:
            others.setdefault(output, python)
    return list(others.values())


@pytest.mark.skipif(not interpreters(), reason="no other version of Python is installed here")
def test_every_version_of_python_finds_the_same_digests():
    program = (
        "from rjcma.jobs import code\n"
        "from pathlib import Path\n"
        "print([code._tree(path) for path in sorted(Path('rjcma').rglob('*.py'))])\n"
    )
    own = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True)
    for python in interpreters():
        other = subprocess.run([python, "-c", program], cwd=ROOT, capture_output=True, text=True)
        assert other.stdout == own.stdout, python
