"""What a team shares: clones with and without the corpus, through a remote and a shared cache."""

from __future__ import annotations

import hashlib
import re
import shutil
import stat
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from project import TINY, Project
from ruamel.yaml import YAML

RJCMA = ("python", "-m", "rjcma.cli")
REPRO = ("dvc", "repro", "--allow-missing")
EXP = ("dvc", "exp", "run", "--allow-missing")
ADDED = ["3-25-480x270", "video5", "video31"]
"""Clips that a colleague adds later."""

TRAINED = {"index", "train@valence-0", "attend", "score"}
SUFFIXES = {
    "audio": ".wav",
    "words": ".json",
    "transcripts": ".json",
    **{f"features/{name}": ".h5" for name in ("faces", "logmel", "text", "visual", "audio")},
}
"""The folders that hold a file a clip, and its suffix."""

STAGES = (
    *("index", "extract_audio", "faces", "logmel", "transcribe", "punctuate", "embed_text"),
    *("encode@visual", "encode@audio", "train@valence-0", "score"),
)
"""In their order."""


class Team:
    """A folder with a project, its corpus beside it, and a remote to which everything is pushed."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.remote = folder, folder / "remote"
        self.corpus = folder / "corpus"
        self.project = Project(folder / "project")
        corpus = {"make": [], "root": "../corpus", "folds": 2, "exclude": ADDED}
        sample = {**TINY["sample"], "videos": [*TINY["sample"]["videos"], *ADDED]}
        sections = {**TINY, "sample": sample, "runs": {"targets": ["valence"], "folds": [0]}}
        self.project.edit(recursions=1, training={"epochs": 1}, corpus=corpus, **sections)
        self.project.run("python", "-m", "stages.sample")
        self.project.run("dvc", "remote", "add", "-q", "-d", "team", str(self.remote))
        self.project.run("dvc", "repro")
        self.commit(self.project)
        self.project.run("dvc", "push")

    @staticmethod
    def commit(project: Project) -> None:
        project.run("git", "add", "-A")
        project.run("git", "commit", "-qm", "work")

    def clone(self, folder: Path, *pull: str) -> Project:
        """A fresh clone, with what it pulls; the corpus is not beside it."""
        project = Project(folder / "clone", cloned=self.project)
        if pull:
            project.run(*pull)
        return project

    def sent(self, project: Project) -> dict[str, set[str]]:
        """The files of `data` that `dvc push` sends: their names, by folder."""
        before = set(self.remote.rglob("*"))
        project.run("dvc", "push")
        new = {path.parent.name + path.name for path in set(self.remote.rglob("*")) - before}
        names: dict[str, set[str]] = defaultdict(set)
        for path, content in project.outputs().items():
            if hashlib.md5(content).hexdigest() in new:
                parent = Path(path).parent.relative_to("data")
                names[parent.as_posix()].add(Path(path).name)
        return dict(names)


@pytest.fixture(scope="module")
def team(tmp_path_factory):
    return Team(tmp_path_factory.mktemp("team"))


def features(project: Project) -> dict[str, bytes]:
    return {path: data for path, data in project.outputs().items() if "/features/" in path}


def is_clean(project: Project) -> bool:
    return project.run("git", "status", "--porcelain") == ""


def test_who_pulls_for_training_trains_and_scores_without_the_corpus(team, tmp_path):
    project = team.clone(tmp_path)
    assert "rjcma pull training" in project.run("dvc", "repro", ok=False)
    assert project.run(*RJCMA, "pull", "training").endswith("now: dvc repro --allow-missing\n")
    before = project.outputs()
    assert not any((project.folder / "data" / name).exists() for name in ("audio", "words", "runs"))
    printed = project.run(*REPRO)
    assert "3 clips and their labels kept as shared" in printed
    assert printed.count("Running stage") == 1 and is_clean(project)

    refused = project.run("dvc", "repro", ok=False)  # all that is missing is asked for
    assert "`dvc pull data/audio`" in refused and "no corpus at ../corpus" in refused
    assert project.outputs() == before

    options = ("-S", "recursions=2", "-S", "corpus.root=/elsewhere")
    assert set(project.ran(*EXP, *options)) == TRAINED
    assert features(project) == {k: v for k, v in before.items() if "/features/" in k}
    assert "| Fold 0 " in project.run(*RJCMA, "table", "data/report")


@pytest.mark.long
def test_training_on_precomputed_vectors_needs_neither_faces_nor_spectrograms(team, tmp_path):
    project = team.clone(tmp_path, *RJCMA, "pull", "training")
    project.run("dvc", "pull", "data/audio")  # stage encode depends on it: speech models read it
    modes = [f"encoders.{modality}.mode=precompute" for modality in ("visual", "audio")]
    project.run(*EXP, "-S", modes[0], "-S", modes[1])
    for inputs in ("faces", "logmel"):
        shutil.rmtree(project.folder / "data/features" / inputs)
    assert set(project.ran(*EXP, "-S", "recursions=3")) == TRAINED


def test_who_pulls_everything_needs_no_option_and_no_corpus(team, tmp_path):
    project = team.clone(tmp_path, "dvc", "pull")
    assert project.ran("dvc", "repro") == ["index"]
    assert is_clean(project) and project.outputs() == team.project.outputs()
    paths = {"manifest": "clips.jsonl", "faces": "features/faces", "transcripts": "transcripts"}
    paths["traces"] = "report/traces"
    options = [f"--{name}=data/{path}" for name, path in paths.items()]
    assert "drawn" in project.run(*RJCMA, "picture", "131", "out.png", *options)
    rows = [{"name": f"l = {count}", "set": {"recursions": count}} for count in (1, 2)]
    tables = {"recursions": {"about": "-", "reference": "l = 1", "rows": rows}}
    rows = {"seeds": [1], "base": {}, "tables": tables}
    YAML().dump(rows, project.folder / "ablation/rows.yaml")
    assert project.ran("dvc", "repro", "ablation/dvc.yaml") == ["index", "ablation/dvc.yaml:ablate"]


def test_who_pulls_the_report_reads_it(team, tmp_path):
    project = team.clone(tmp_path, *RJCMA, "pull", "report")
    assert "| Fold 0 " in project.run(*RJCMA, "table", "data/report")
    report = project.folder / "data/report"
    assert all((report / name).exists() for name in ("index.html", "clips", "assets/style.css"))
    assert not (project.folder / "data/features").exists()


@pytest.mark.long
def test_only_changes_are_pushed_and_a_conflict_of_dvc_lock_is_resolved_in_three_lines(
    team, tmp_path
):
    shutil.copytree(team.corpus, tmp_path / "corpus")
    adding = Project(tmp_path / "project", copied=team.project)
    training = Project(tmp_path / "other/clone", cloned=adding)
    training.run(*RJCMA, "pull", "training")
    training.edit(recursions=2)
    training.run(*REPRO)
    team.commit(training)

    params = adding.folder / "params.yaml"
    params.write_text(re.sub(r"exclude:.*\n( +- .*\n)+", "exclude: []\n", params.read_text()))
    assert adding.why("dvc", "repro")["data/audio"] == "6 in all, 3 kept, 3 to make (3 new)"
    sent = team.sent(adding)
    for folder, suffix in SUFFIXES.items():
        assert sent.pop(folder) == {".keys", *(name + suffix for name in ADDED)}, folder
    assert sent.pop("labels") == {f"{name}.npy" for name in ADDED}
    assert {"clips.jsonl", "corpus.json"} == sent.pop(".")
    assert all(folder.startswith(("runs/", "attention", "report")) for folder in sent)
    team.commit(adding)

    path = tmp_path / "corpus/annotations/VA/train" / f"{ADDED[0]}.txt"
    header, first, rest = path.read_text().split("\n", 2)
    path.write_text(f"{header}\n0.123,{first.split(',')[1]}\n{rest}")
    adding.run("dvc", "repro")
    sent = team.sent(adding)
    assert sent.pop("labels") == {f"{ADDED[0]}.npy"} and sent.pop(".") == {"corpus.json"}
    assert all(folder.startswith(("runs/", "attention", "report")) for folder in sent)
    team.commit(adding)

    assert "CONFLICT" in training.run("git", "pull", "--no-rebase", ok=False)
    assert training.run("git", "diff", "--name-only", "--diff-filter=U") == "dvc.lock\n"
    training.run("git", "checkout", "origin/HEAD", "--", "dvc.lock")
    training.run(*RJCMA, "pull", "training")
    assert set(training.ran(*REPRO)) == TRAINED
    team.commit(training)
    assert features(training) == features(adding)
    assert training.ran(*REPRO) == ["index"] and is_clean(training)


def intact(cache: Path) -> bool:
    """Whether each file of a DVC cache still has the content that its name is the hash of."""
    files = [path for path in (cache / "files/md5").rglob("*") if path.is_file()]
    digests = {hashlib.md5(path.read_bytes()).hexdigest() for path in files}
    return {(path.parent.name + path.name).removesuffix(".dir") for path in files} == digests


@pytest.mark.long
def test_two_clones_share_a_cache_at_once_and_no_link_into_it_is_written_through(team, tmp_path):
    shutil.copytree(team.corpus, tmp_path / "corpus")
    cache, clones = tmp_path / "cache", {}
    for recursions, link in ((2, "hardlink"), (3, "symlink")):
        clones[link] = project = Project(tmp_path / link, cloned=team.project)
        for option in (f"cache.dir={cache}", f"cache.type={link}", "cache.shared=group"):
            project.run("dvc", "config", "--local", *option.split("="))
        project.run("dvc", "pull")  # the second from the cache
        project.edit(recursions=recursions, faces={"size": 50})
        assert intact(cache)

    with ThreadPoolExecutor(2) as pool:  # both make the same faces, and a run each
        ran = list(pool.map(lambda project: project.ran("dvc", "repro"), clones.values()))
    assert all({"faces", "encode@visual", *TRAINED} <= set(stages) for stages in ran)
    faces = [features(project) for project in clones.values()]
    assert faces[0] == faces[1] != features(team.project)
    assert intact(cache)
    for link, project in clones.items():
        path = project.folder / "data/features/faces/131.h5"
        assert path.is_symlink() == (link == "symlink") and path.stat().st_nlink >= 2
        assert project.ran("dvc", "repro") == ["index"]
    folders = [path for path in (cache / "files").rglob("*") if path.is_dir()]
    assert all(path.stat().st_mode & stat.S_IWGRP for path in folders)

    for project in clones.values():  # without DVC, which would first copy what it links
        for ledger in (project.folder / "data").rglob(".keys"):
            ledger.unlink()  # so every file is made again
        locked = YAML(typ="safe").load(project.folder / "dvc.lock")["stages"]
        for name in STAGES:
            project.run("bash", "-c", locked[name]["cmd"])
        assert not any(path.is_symlink() for path in (project.folder / "data/audio").iterdir())
        assert intact(cache)
