"""The whole pipeline, as a user runs it: `dvc repro` in a separate folder, on a tiny corpus."""

from __future__ import annotations

import json
import os
import shutil
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path

import pytest
from project import TINY, Project
from ruamel.yaml import YAML

TARGETS = ("valence", "arousal")
TRAINED = {f"train@{target}-0" for target in TARGETS}
LOOKING = {
    *("sample@sample", "index", "extract_audio", "faces", "logmel"),
    *("transcribe", "punctuate", "embed_text"),
}
ADOPT = ("python", "-m", "rjcma.cli", "adopt")
STATUS = ("python", "-m", "rjcma.cli", "status")
HEAVY = ("torch", "transformers", "cv2", "av", "vosk", "pocketsphinx", "matplotlib")
"""Libraries that compute."""


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A project in which the whole pipeline has run once; tests do not change it."""
    project = Project(tmp_path_factory.mktemp("project"))
    project.edit(recursions=1, training={"epochs": 1}, corpus={"folds": 2}, **TINY)
    project.run("git", "commit", "-qam", "tiny params")
    project.run("dvc", "repro")
    return project


@pytest.fixture
def project(whole, tmp_path):
    """A copy of it, which the test may change."""
    return Project(tmp_path / "project", copied=whole)


@pytest.fixture
def one_run(project):
    """A copy that trains one target only."""
    project.edit(runs={"targets": ["valence"]})
    project.run("git", "commit", "-qam", "one target")
    return project


def edit(project: Project, path: str, change: Callable[[str], str]) -> None:
    file = project.folder / path
    text = file.read_text()
    assert change(text) != text
    file.write_text(change(text))


def table(project: Project) -> dict[str, str]:
    """What `rjcma status` says of the next `dvc repro`, by stage. It changes no output."""
    before = project.outputs()
    header, *lines = project.run(*STATUS).splitlines()
    assert project.outputs() == before
    column = header.index("next dvc repro")
    return {line.split()[0]: line[column:] for line in lines if line[column - 1 : column] == " "}


def test_the_whole_pipeline_ends_in_a_table_and_its_metrics(whole):
    metrics = json.loads((whole.folder / "data/report/metrics.json").read_text())
    assert set(metrics) == {"valence", "arousal", "mean"}
    assert set(metrics["valence"]) == {"ccc", "ccc_std", "folds"}
    assert set(metrics["valence"]["folds"]["0"]) == {"ccc", "ccc_clip_mean", "frames", "clips"}
    assert "| Fold 0 " in whole.run("rjcma", "table", "data/report")
    assert "valence.ccc" in whole.run("dvc", "metrics", "show")


def test_every_clip_has_predictions_for_every_frame(whole):
    for line in (whole.folder / "data/clips.jsonl").read_text().splitlines():
        clip = json.loads(line)
        path = whole.folder / "data/report/predictions/fold0" / f"{clip['name']}.csv"
        header, *rows = path.read_text().splitlines()
        assert header == "frame,time,valence,arousal" and len(rows) == clip["frames"]


def test_a_second_run_only_examines_the_corpus(project):
    before = project.outputs()
    assert project.ran("dvc", "repro") == ["index"]
    assert project.outputs() == before


def test_an_ablation_runs_training_and_scoring_only(project):
    ran = project.ran("dvc", "exp", "run", "-S", "recursions=2")
    assert set(ran) == {"index", *TRAINED, "attend", "score"}


def test_a_changed_annotation_trains_its_own_target_and_computes_no_feature_again(project):
    path = next((project.folder / "data/sample/annotations/VA/train").iterdir())
    header, first, rest = path.read_text().split("\n", 2)
    arousal = first.split(",")[1]
    path.write_text(f"{header}\n0.123,{arousal}\n{rest}")
    features = {k: v for k, v in project.outputs().items() if "data/features" in k}
    project.run("dvc", "commit", "-f", "sample@sample")  # as if it were the user's own corpus
    reasons = project.why("dvc", "repro")
    assert reasons == {
        "data/runs/valence-0": "1 in all, 0 kept, 1 to make (1 input)",
        "data/runs/arousal-0": "1 in all, 1 kept",
        "data/attention": "3 in all, 0 kept, 3 to make (3 input)",
    }
    assert {k: v for k, v in project.outputs().items() if "data/features" in k} == features


def test_changed_code_makes_its_outputs_again_and_what_is_made_from_them(one_run):
    project, before = one_run, one_run.outputs()
    edit(project, "rjcma/audio/logmel.py", lambda t: t.replace("OFFSET = 0.01", "OFFSET = 0.5"))
    told = table(project)
    assert told["logmel"] == "makes 3" and told["encode@audio"] == "up to 3 if inputs change"
    assert told["train"] == "up to 1 if inputs change" and told["score"] == "runs"
    assert {told[name] for name in ("transcribe", "faces", "embed_text")} == {"-"}
    reasons = project.why("dvc", "repro")
    to_make = {name: line for name, line in reasons.items() if "to make" in line}
    assert to_make == {
        "data/features/logmel": "3 in all, 0 kept, 3 to make (3 code)",
        "data/features/audio": "3 in all, 0 kept, 3 to make (3 input)",
        "data/runs/valence-0": "1 in all, 0 kept, 1 to make (1 input)",
        "data/attention": "3 in all, 0 kept, 3 to make (3 input)",
    }
    changed = {path for path, data in project.outputs().items() if data != before[path]}
    parts = ("data/features/logmel", "data/features/audio", "data/runs", "data/attention")
    parts = (*parts, "data/report")
    assert all(path.startswith(parts) for path in changed)
    assert {path for path in before if path.startswith(parts[0])} <= changed


def test_changed_code_of_scoring_trains_nothing(project):
    edit(project, "rjcma/scoring/metrics.py", lambda text: text + "\nADDED = 1\n")
    why = project.why("dvc", "repro")
    assert why == {"data/attention": "3 in all, 3 kept"}


def test_one_key_switches_a_modality_between_training_its_encoder_and_running_it_once(one_run):
    project, before = one_run, one_run.outputs()
    reasons = project.why("dvc", "exp", "run", "-S", "encoders.audio.mode=precompute")
    assert reasons["data/features/visual"] == "3 in all, 3 kept"
    assert "encoders.audio.mode finetune -> precompute" in reasons["data/features/audio"]
    assert "1 to make" in reasons["data/runs/valence-0"]
    made = {"data/runs/valence-0", "data/features/audio", "data/features/visual"}
    assert set(reasons) == {*made, "data/attention"}
    features = {k: v for k, v in project.outputs().items() if "data/features" in k}
    changed = {path for path, data in features.items() if before[path] != data}
    assert changed and all(path.startswith("data/features/audio") for path in changed)
    project.edit(encoders={"visual": {"mode": "precompute", "kind": "compact"}})
    reasons = project.why("dvc", "repro", "encode@visual", "encode@audio")
    assert reasons["data/features/audio"] == "3 in all, 3 kept"
    assert "encoders.visual.mode finetune -> precompute" in reasons["data/features/visual"]


def test_training_depends_on_one_folder_per_modality_in_all_modes(whole):
    locked = YAML(typ="safe").load(whole.folder / "dvc.lock")["stages"]["train@valence-0"]
    features = {dep["path"] for dep in locked["deps"] if "features" in dep["path"]}
    assert features == {f"data/features/{m}" for m in ("visual", "audio", "text")}


def test_a_params_mistake_is_one_line_and_an_exit_status(project):
    project.edit(recursions=0)
    printed = project.run("rjcma", "check", ok=False)
    assert "recursions = 0" in printed and "Traceback" not in printed
    assert "recursions = 0" in project.run("dvc", "repro", ok=False)


NAMES = ["$(touch PWNED) `touch PWNED`", """it's "; touch PWNED; #"""]


@pytest.mark.parametrize("name", NAMES)
def test_any_name_of_the_corpus_works_and_runs_nothing(project, name):
    root = project.folder / "corpora" / name
    root.parent.mkdir()
    shutil.copytree(project.folder / "data/sample", root)
    before = project.outputs()
    project.edit(corpus={"make": [], "root": str(root)})
    assert project.ran("dvc", "repro") == ["index"]
    assert project.outputs() == before
    project.edit(corpus={"root": str(root.relative_to(project.folder))})
    for path in (project.folder / "data/audio").iterdir():
        path.unlink()
    assert "data/audio" in project.why("dvc", "repro")
    assert project.outputs() == before
    assert not list(project.folder.rglob("PWNED"))


def test_no_other_param_runs_a_command(project):
    bad = "$(touch PWNED)'$(touch PWNED)"
    project.edit(runs={"targets": [bad]})
    project.run("dvc", "repro", "--single-item", f"train@{bad}-0", ok=False)
    project.edit(runs={"targets": ["valence"], "folds": [bad]})
    project.run("dvc", "repro", "--single-item", f"train@valence-{bad}", ok=False)
    assert not list(project.folder.rglob("PWNED"))


def test_a_folder_that_is_not_a_sample_is_never_replaced(project):
    folder = project.folder / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    project.edit(corpus={"root": "mine"})
    printed = project.run("dvc", "repro", ok=False)
    assert "a folder without SAMPLE.txt" in printed
    assert (folder / "thesis.txt").read_text() == "years of work"


def test_a_damaged_lock_file_is_removed_and_dvc_runs_again(project):
    lock = project.folder / ".dvc/tmp/rwlock"
    lock.write_text("")
    assert "JSON structure is corrupted" in project.run("dvc", "repro", ok=False)
    assert "removed" in project.run("rjcma", "mend")
    assert project.ran("dvc", "repro") == ["index"]


def test_files_are_adopted_if_changed_code_makes_the_same(project):
    before = project.outputs()
    edit(project, "rjcma/audio/logmel.py", lambda text: text + "\nADDED = 1\n")
    edit(project, "rjcma/training/loss.py", lambda text: text + "\nADDED = 1\n")
    assert "3 adopted" in project.run(*ADOPT, "logmel", "--check", "2")
    assert "2 adopted" in project.run(*ADOPT, "train", "--check", "1")
    reasons = project.why("dvc", "repro")
    assert not any("to make" in line for line in reasons.values())
    after = project.outputs()
    differing = {path for path in before if after[path] != before[path]}
    assert {Path(path).name for path in differing} == {".keys"}
    edit(project, "rjcma/audio/logmel.py", lambda t: t.replace("OFFSET = 0.01", "OFFSET = 0.5"))
    assert "nothing was adopted" in project.run(*ADOPT, "logmel", ok=False)


def test_changed_code_with_the_same_content_makes_nothing_else_again(project):
    before = project.outputs()
    edit(project, "rjcma/audio/extract.py", lambda t: t.replace("decoded to its end", "decoded"))
    edit(project, "rjcma/audio/logmel.py", lambda text: text + "\nADDED = 1\n")
    reasons = project.why("dvc", "repro")
    made = {"data/audio", "data/features/logmel"}
    assert {name for name, line in reasons.items() if "3 to make (3 code)" in line} == made
    assert not any("to make" in line for name, line in reasons.items() if name not in made)
    after = project.outputs()
    changed = {path for path in before if after[path] != before[path] and ".keys" not in path}
    assert len({path for path in changed if "features/logmel/" in path}) == 3
    told = {"data/report/about.json", "data/report/index.html"}  # of the code of features
    assert {path for path in changed if "features/logmel/" not in path} <= told


def test_every_feature_run_and_report_file_says_what_it_was_made_of(whole):
    data = whole.folder / "data"
    folders = ("audio", "words", "transcripts", "features/*", "runs/*", "report", "report/**")
    files = {file for name in folders for file in data.glob(f"{name}/*.*") if file.is_file()}
    records = {".keys", "engines.json"}  # which say what other files were made of
    paths = sorted(str(f.relative_to(whole.folder)) for f in files if f.name not in records)
    assert len(paths) > 40
    told = json.loads(whole.run("python", "-m", "rjcma.cli", "about", "--json", *paths))
    by_path = {each["path"]: each["about"] for each in told}
    assert sorted(by_path) == paths
    needed = {"stage", "function", "package", "code", "libraries", "settings", "models", "inputs"}
    assert all(needed <= about.keys() and about["code"] for about in by_path.values())
    assert {each["whole"] for each in told if "about.json" not in each["path"]} == {True}
    text = json.dumps([each["about"] for each in told])
    assert str(whole.folder) not in text and str(Path.home()) not in text
    chain = [f"data/{name}" for name in ("audio/131.wav", "words/131.json", "transcripts/131.json")]
    for earlier, later in pairwise([*chain, "data/features/text/131.h5"]):
        assert by_path[earlier]["content"] in by_path[later]["inputs"].values()
    scored = by_path["data/report/table.csv"]["inputs"]
    predictions = by_path["data/runs/valence-0/predictions.h5"]
    assert scored["valence-0/predictions.h5"] == predictions["content"]


def telling_imports(project: Project) -> list[str]:
    """A command's first words, with which each Python prints what it imported of `HEAVY`."""
    site = project.folder / "site"
    site.mkdir()
    listed = "{name.partition('.')[0] for name in sys.modules}"
    (site / "sitecustomize.py").write_text(
        "import atexit, sys\n"
        f"atexit.register(lambda: print('HEAVY', sorted({listed} & set({HEAVY!r}))))\n"
    )
    return ["env", f"PYTHONPATH={site}"]


def test_status_imports_no_library_that_computes(project):
    printed = project.run(*telling_imports(project), *STATUS)
    assert "HEAVY []" in printed and "train" in printed


@pytest.mark.parametrize("link", ["copy", "symlink"])
def test_flipped_bytes_are_found_by_verifying_and_the_next_run_makes_those_files_alone(
    project, link
):
    before = project.outputs()
    project.run("dvc", "config", "cache.type", link)
    project.run("dvc", "checkout", "--relink")
    for path in FLIPPED:
        flip((project.folder / path).resolve())
    assert "to make" not in project.run("dvc", "repro")  # DVC looks at size and time only
    printed = project.run(*STATUS, "--verify", ok=False)
    named = [line.split(": ")[1] for line in printed.splitlines() if "problem: " in line]
    assert named == FLIPPED
    reasons = project.why("dvc", "repro")
    assert reasons == {
        "data/features/logmel": "3 in all, 2 kept, 1 to make (1 new)",
        "data/transcripts": "3 in all, 2 kept, 1 to make (1 new)",
    }
    assert project.outputs() == before
    assert "all are what their ledgers say" in project.run(*STATUS, "--verify")


FLIPPED = ["data/features/logmel/131.h5", "data/transcripts/131.json"]


def flip(path: Path) -> None:
    """Change a file's last byte, but not its size, time and mode, as a disk would."""
    stat, content = path.stat(), bytearray(path.read_bytes())
    content[-1] ^= 1
    path.chmod(0o644)
    with open(path, "r+b") as file:
        file.write(content)
    path.chmod(stat.st_mode)
    os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def test_a_comment_makes_stages_run_but_makes_no_file_and_imports_no_library_that_computes(project):
    before = project.outputs()
    watched = telling_imports(project)
    for path in [*project.folder.glob("rjcma/**/*.py"), *project.folder.glob("stages/*.py")]:
        path.write_text(path.read_text() + "# a comment\n")
    printed = project.run(*watched, "dvc", "repro")
    assert "to make" not in printed and project.outputs() == before
    loaded = {text.split("'")[1]: text for text in printed.split("Running stage ")[1:]}
    assert set(loaded) == {*LOOKING, *TRAINED, "encode@visual", "encode@audio", "attend", "score"}
    for name, text in loaded.items():
        if name != "score":  # it always writes its report again
            assert "HEAVY []" in text, f"{name}: {text}"


WAIT = """
    import time
    Path("waiting").touch()
    while not Path("go").exists():
        time.sleep(0.05)
"""


def test_two_runs_at_once_in_one_folder_do_no_harm(project):
    before = project.outputs()
    edit(
        project,
        "stages/logmel.py",
        lambda text: text.replace("    logmel_all(", f"{WAIT}    logmel_all("),
    )
    (project.folder / "data/features/logmel/131.h5").unlink()
    with ThreadPoolExecutor(1) as threads:
        first = threads.submit(project.run, "dvc", "repro")
        while not (project.folder / "waiting").exists():
            assert not first.done(), first.result()
            time.sleep(0.05)
        try:
            refused = project.run("dvc", "repro", ok=False)
        finally:
            (project.folder / "go").touch()
        assert "1 to make" in first.result()
    assert "dvc repro" in refused and ("busy" in refused or "lock" in refused)
    assert project.outputs() == before
