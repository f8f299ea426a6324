"""Which runs an ablation trains, which results it keeps, and its whole stage."""

from __future__ import annotations

import csv
import json
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress

import numpy as np
import pytest
import stand_in
import tiny_corpus
from places import ROOT
from ruamel.yaml import YAML

from rjcma import manifest
from rjcma.ablation.measure import measure
from rjcma.ablation.measure_all import Places, measure_all, results
from rjcma.ablation.row_settings import changed
from rjcma.ablation.trials import trial, trials
from rjcma.concordance import ccc
from rjcma.corpus import labels
from rjcma.jobs import code
from rjcma.problem import Problem, Problems
from rjcma.scoring.settings import Runs
from rjcma.training.runs import Digests
from stages.ablate import main as ablate
from stages.train import main as train

WANTED = Runs(targets=("valence",), folds=(0,))
BOTH = Runs(targets=("valence", "arousal"), folds=(0, 1))


@pytest.fixture(scope="module")
def corpus(tmp_path_factory):
    path = tmp_path_factory.mktemp("corpus")
    tiny_corpus.write(path)
    return path


@pytest.fixture
def root(corpus, tmp_path):
    """A corpus that the test may change."""
    return shutil.copytree(corpus, tmp_path / "corpus")


@pytest.fixture
def places(tmp_path):
    return Places(tmp_path / "trained", tmp_path / "checkpoints", tmp_path / "pipeline")


@pytest.fixture
def kept(tmp_path):
    """The folder in which results are kept."""
    return tmp_path / "runs"


def settings(**changes):
    return changed(
        tiny_corpus.settings(), {k.replace("__", "."): v for k, v in changes.items()}, ""
    )


class Trainer(stand_in.Trainer):
    """With some numbers of recursions, a run has a problem or a bug, or is killed."""

    def __init__(self, monkeypatch):
        super().__init__(monkeypatch)
        self.found = []
        """The content of each run's checkpoint at its start; empty if there is none."""

    def train(self, run, data, about, key, checkpoint, live, out):
        self.found.append(checkpoint.read_text() if checkpoint.is_file() else "")
        checkpoint.parent.mkdir(exist_ok=True)
        checkpoint.write_text(f"epoch 5 of {run.id}")
        print("an epoch")
        print("an epoch", file=sys.stderr)
        recursions = run.settings.recursions
        if recursions == 13:
            raise Problem(clip="cleo", file="x.h5", found="f", expected="e", cure="c")
        if recursions == 17:
            raise ZeroDivisionError("oops")
        if recursions == 19:
            raise KeyboardInterrupt
        super().train(run, data, about, key, checkpoint, live, out)


@pytest.fixture
def trainer(monkeypatch):
    return Trainer(monkeypatch)


def run(trials, root, places, folder):
    with ThreadPoolExecutor(1) as executor:
        return measure_all(trials, tiny_corpus.data(root), places, folder, executor)


def rows(**by_name):
    return {("table", name): one for name, one in by_name.items()}


def test_every_row_is_trained_once_per_seed_target_and_fold():
    found = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), BOTH, [3, 5, 7])
    assert len(found) == len({one.name for one in found}) == 2 * 3 * 2 * 2


def test_rows_with_the_same_settings_in_two_tables_share_their_runs():
    same = {("one", "l = 3"): settings(recursions=3), ("two", "RJCMA"): settings(recursions=3)}
    found = trials(same, BOTH, [3])
    assert len(found) == 4 and {one.row for one in found} == {"l = 3"}


def test_all_rows_targets_and_folds_are_trained_with_the_same_seeds():
    found = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), BOTH, [3, 5])
    for row in "ab":
        for seed in (3, 5):
            of_seed = [one.run for one in found if one.row == row and one.seed == seed]
            named = {(one.target, one.fold) for one in of_seed}
            assert len(of_seed) == len(named) == 4
            assert {one.settings.training.seed for one in of_seed} == {seed}


def test_trials_with_different_settings_or_seeds_have_different_names():
    def name(row, seed=3):
        return trial("a", row, "valence", 0, seed).name

    assert name(settings(recursions=1)) != name(settings(recursions=2))
    assert name(settings()) == name(tiny_corpus.settings(seed=99))  # the ablation's seed counts
    assert name(settings(), 3) != name(settings(), 5)
    assert name(settings()) != name(settings(training__permute_labels=True))


def test_a_trials_settings_are_those_of_its_row_except_the_seed():
    one = trial("a", settings(recursions=5), "arousal", 1, 7)
    assert (one.run.target, one.run.fold, one.seed) == ("arousal", 1, 7)
    assert one.run.settings.recursions == 5
    own = tiny_corpus.settings().training.model_dump(exclude={"seed"})
    assert one.run.settings.training.model_dump(exclude={"seed"}) == own


def test_a_result_has_the_ccc_of_the_run_and_of_each_clip(trainer, root, places, kept):
    (one,) = trials(rows(a=settings()), WANTED, [3])
    found = run([one], root, places, kept)[one.name]
    clips = {c.name: c for c in manifest.read(root / "clips.jsonl") if c.partition == "validation"}
    truth = {name: labels.read(root / "labels", clip)[:, 0] for name, clip in clips.items()}
    predicted = {name: trainer.prediction(clip) for name, clip in clips.items()}
    assert found.clips == {n: pytest.approx(ccc(predicted[n], truth[n])) for n in ("dora", "emil")}
    joined = [np.concatenate([d[name] for name in sorted(clips)]) for d in (predicted, truth)]
    assert found.ccc == pytest.approx(ccc(*joined))
    assert (found.best_epoch, found.epochs) == (2, 3)
    stored = json.loads((kept / f"{one.name}.json").read_text())
    assert stored["settings"] == one.run.settings.keyed()
    assert stored["settings"]["training"]["seed"] == 3
    assert (stored["target"], stored["fold"], stored["seed"]) == ("valence", 0, 3)
    assert results(kept, [one]) == {one.name: found}


def test_a_damaged_result_is_one_line_that_says_what_to_do(trainer, root, places, kept):
    (one,) = trials(rows(a=settings()), WANTED, [3])
    whole = run([one], root, places, kept)
    path = kept / f"{one.name}.json"
    for content in ("", "{}", path.read_text().replace('"ccc"', '"cc"')):
        path.write_text(content)
        with pytest.raises(Problem, match="delete the file and run `make ablation`"):
            results(kept, [one])
    assert run([one], root, places, kept) == whole and len(trainer.asked) == 1


def test_what_was_trained_is_not_trained_again(trainer, root, places, kept):
    two = trials(rows(a=settings(recursions=1), b=settings(recursions=2)), WANTED, [3])
    run(two[:1], root, places, kept)
    run(two, root, places, kept)
    assert [asked.settings.recursions for asked in trainer.asked] == [1, 2]
    renamed = trials(rows(z=settings(recursions=2)), WANTED, [3])
    run(renamed, root, places, kept)
    assert len(trainer.asked) == 2
    assert len(list(kept.glob("*.json"))) == 1  # a result that no row needs is removed
    run(two, root, places, kept)  # but the run itself is kept
    assert len(trainer.asked) == 2 and len(list(kept.glob("*.json"))) == 2


def test_a_result_is_kept_although_its_run_is_deleted(trainer, root, places, kept):
    one = trials(rows(a=settings()), WANTED, [3])
    first = run(one, root, places, kept)
    shutil.rmtree(places.trained)
    assert run(one, root, places, kept) == first and len(trainer.asked) == 1
    shutil.rmtree(kept)
    assert run(one, root, places, kept) == first and len(trainer.asked) == 2


def test_changed_features_train_only_the_rows_that_read_them_again(trainer, root, places, kept):
    two_rows = rows(av=settings(fusion__modalities=["visual", "audio"]), all=settings())
    both = trials(two_rows, WANTED, [3])
    run(both, root, places, kept)
    path = root / "text" / "anna.h5"
    path.write_bytes(path.read_bytes() + b"\0")
    run(both, root, places, kept)
    modalities = [len(asked.settings.modalities) for asked in trainer.asked]
    assert modalities == [2, 3, 3]


def relabelled(root, column):
    path = root / "labels" / "anna.npy"
    values = np.load(path)
    values[7, column] += 0.125
    np.save(path, values)


@pytest.mark.parametrize("what", ["labels", "clips"])
def test_changed_labels_and_clips_train_everything_again(what, trainer, root, places, kept):
    one = trials(rows(a=settings()), WANTED, [3])
    run(one, root, places, kept)
    if what == "labels":
        relabelled(root, 0)
    else:
        path = root / "clips.jsonl"
        clips = manifest.read(path)
        manifest.write(path, [c.model_copy(update={"video": "v" + c.name}) for c in clips])
    run(one, root, places, kept)
    assert len(trainer.asked) == 2


def test_changed_labels_of_one_target_train_only_its_runs_again(trainer, root, places, kept):
    both = trials(rows(a=settings()), Runs(targets=("valence", "arousal"), folds=(0,)), [3])
    run(both, root, places, kept)
    relabelled(root, 1)
    run(both, root, places, kept)
    assert [asked.target for asked in trainer.asked] == ["valence", "arousal", "arousal"]


def test_initial_weights_of_encoders_are_in_the_key_by_content(
    trainer, root, places, kept, tmp_path
):
    path = tmp_path / "w.safetensors"
    fine = tiny_corpus.settings("finetune")
    started = changed(fine, {"encoders.visual.weights": str(path)}, "")
    one, data = trials(rows(a=started), WANTED, [3]), tiny_corpus.data(root, "finetune")
    for content in (b"1", b"1", b"2"):
        path.write_bytes(content)
        with ThreadPoolExecutor(1) as executor:
            measure_all(one, data, places, kept, executor)
    assert len(trainer.asked) == 2


@pytest.mark.parametrize(
    ("path", "trained", "measured"),
    [
        ("rjcma/training/loop.py", 2, 2),
        ("rjcma/fusion/rjcma.py", 2, 2),
        ("rjcma/scoring/metrics.py", 1, 2),
        ("rjcma/ablation/measure.py", 1, 2),
        ("rjcma/ablation/tables.py", 1, 1),
        ("rjcma/fusion/concat.py", 1, 1),
    ],
)
def test_a_results_key_has_the_code_of_training_and_of_scoring(
    path, trained, measured, trainer, root, places, kept, monkeypatch
):
    one, trees = trials(rows(a=settings()), WANTED, [3]), code._tree
    assert (ROOT / path).is_file()
    run(one, root, places, kept)
    before = {p.name: p.stat().st_ino for p in kept.glob("*.json")}
    monkeypatch.setattr(code, "_tree", lambda p: "other" if p == ROOT / path else trees(p))
    run(one, root, places, kept)
    assert len(trainer.asked) == trained
    after = {p.name: p.stat().st_ino for p in kept.glob("*.json")}
    assert (after == before) == (measured == 1) and after.keys() == before.keys()


def test_a_run_that_fails_names_its_row_and_stops_no_other(trainer, root, places, kept):
    three_rows = rows(bad=settings(recursions=13), bug=settings(recursions=17), good=settings())
    wanted = trials(three_rows, WANTED, [3])
    with pytest.raises(Problems) as caught:
        run(wanted, root, places, kept)
    lines = str(caught.value)
    assert "clip cleo: row bad, valence, fold 0, seed 3: x.h5: found f" in lines
    assert "row bug, valence, fold 0, seed 3: " in lines
    assert "found ZeroDivisionError: oops (at test_trials.py:" in lines
    assert [one.row for one in wanted if (kept / f"{one.name}.json").is_file()] == ["good"]


def test_a_killed_run_finds_its_own_checkpoint_and_a_finished_run_leaves_none(
    trainer, root, places, kept
):
    (killed,) = trials(rows(a=settings(recursions=19)), WANTED, [3])
    (other,) = trials(rows(b=settings()), WANTED, [3])
    data = tiny_corpus.data(root)
    kept.mkdir()
    for one in (killed, other, killed):
        with suppress(KeyboardInterrupt):
            measure(one, data, Digests.of(data), places, kept / "out.json")
    assert trainer.found == ["", "", f"epoch 5 of {killed.name}"]
    assert [path.name for path in places.checkpoints.iterdir()] == [f"{killed.name}.pt"]


def test_what_training_prints_is_not_shown(trainer, root, places, kept, capfd):
    run(trials(rows(a=settings()), WANTED, [3]), root, places, kept)
    printed = "".join(capfd.readouterr())
    assert "an epoch" not in printed and "1 in all, 0 kept, 1 to make" in printed


def test_a_run_of_the_pipeline_is_taken_over_if_settings_and_seed_agree(
    trainer, root, places, kept
):
    pipelines = tiny_corpus.run(tiny_corpus.settings(seed=3))
    checkpoint = places.checkpoints / "valence-0.pt"
    tiny_corpus.trained(root, places.pipeline / "valence-0", pipelines, checkpoint=checkpoint)
    two_rows = rows(same=settings(), other=settings(recursions=1))
    wanted = trials(two_rows, WANTED, [3, 5])
    found = run(wanted, root, places, kept)
    own = [(one.row, one.seed) for one in wanted if one.run in trainer.asked[1:]]
    assert own == [("same", 5), ("other", 3), ("other", 5)] and len(trainer.asked) == 4
    assert len(found) == 4 and wanted[0].run == pipelines
    for path in (places.pipeline / "valence-0").iterdir():
        assert (places.trained / wanted[0].name / path.name).read_bytes() == path.read_bytes()


def test_an_outdated_run_of_the_pipeline_is_not_taken_over(trainer, root, places, kept):
    pipelines = tiny_corpus.run(tiny_corpus.settings(seed=3))
    checkpoint = places.checkpoints / "valence-0.pt"
    tiny_corpus.trained(root, places.pipeline / "valence-0", pipelines, checkpoint=checkpoint)
    relabelled(root, 0)
    run(trials(rows(a=settings()), WANTED, [3]), root, places, kept)
    assert len(trainer.asked) == 2


def trained_by_the_pipeline(root, places, params):
    """Run stage train for valence and fold 0; -> the run's folder."""
    features = tiny_corpus.folders(root).values()
    engines = root / "engines.json"
    engines.write_text('{"params": {}, "models": {}}')
    train(
        *(root / "clips.jsonl", root / "labels", *features, engines, places.pipeline),
        target="valence",
        fold=0,
        params=params,
        checkpoints=places.checkpoints,
        ablation=places.trained,
    )
    return places.pipeline / "valence-0"


def test_the_pipeline_takes_over_a_run_of_an_ablation_with_its_settings_and_seed(
    trainer, root, places, kept, tmp_path
):
    wanted = trials(rows(a=settings()), WANTED, [3, 5])
    run(wanted, root, places, kept)
    assert len(trainer.asked) == 2
    for one in wanted:
        params = tiny_corpus.params(tiny_corpus.settings(seed=one.seed))
        path = _write(tmp_path / f"params-{one.seed}.yaml", params)
        out = trained_by_the_pipeline(root, places, path)
        for own in (places.trained / one.name).iterdir():
            assert (out / own.name).read_bytes() == own.read_bytes()
    assert len(trainer.asked) == 2
    other = _write(tmp_path / "params.yaml", tiny_corpus.params(tiny_corpus.settings(seed=7)))
    trained_by_the_pipeline(root, places, other)
    assert len(trainer.asked) == 3


def stage(root, places, tmp_path, base, kept):
    """Run stage ablate for one and two recursions with seed 1; -> the folder of tables."""
    params = tiny_corpus.params(base, runs={"targets": ["valence"], "folds": [0]})
    two = [{"name": "l = 1", "set": {"recursions": 1}}, {"name": "l = 2", "set": {"recursions": 2}}]
    table = {"about": "Recursions", "reference": "l = 2", "rows": two}
    features = tiny_corpus.folders(root).values()
    ablate(
        *(root / "clips.jsonl", root / "labels", *features, places.pipeline),
        _write(tmp_path / "rows.yaml", {"seeds": [1], "tables": {"recursions": table}}),
        kept,
        tmp_path / "tables",
        params=_write(tmp_path / "params.yaml", params),
        trained=places.trained,
        checkpoints=places.checkpoints,
    )
    return tmp_path / "tables"


def test_the_stage_trains_compares_and_keeps(root, places, kept, tmp_path, monkeypatch):
    monkeypatch.setenv("RJCMA_WORKERS", "1")
    base = tiny_corpus.settings(epochs=2, select_by="held_out")
    tables = stage(root, places, tmp_path, base, kept)
    names = {path.name for path in tables.iterdir()}
    assert names == {"about.json", "tables.md", "recursions.csv", "all-runs.csv", "rows.png"}
    before = {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in kept.iterdir()}
    written = {path.name: path.read_bytes() for path in tables.iterdir()}
    assert len(before) == 3  # two runs and their ledger
    assert not list(places.checkpoints.iterdir())
    stage(root, places, tmp_path, base, kept)
    assert {p.name: (p.stat().st_mtime_ns, p.read_bytes()) for p in kept.iterdir()} == before
    assert {path.name: path.read_bytes() for path in tables.iterdir()} == written


def test_the_stage_reports_a_run_of_the_pipeline_as_it_is(
    root, places, kept, tmp_path, monkeypatch
):
    """The pipeline's run is made by a stand-in for training; stage ablate itself really trains."""
    monkeypatch.setenv("RJCMA_WORKERS", "1")
    base = tiny_corpus.settings(epochs=1, select_by="held_out")
    with monkeypatch.context() as patched:
        trainer = stand_in.Trainer(patched)
        tiny_corpus.trained(root, places.pipeline / "valence-0", tiny_corpus.run(base))
    tables = stage(root, places, tmp_path, base, kept)
    with (tables / "all-runs.csv").open() as file:
        found = {row["row"]: row for row in csv.DictReader(file)}
    assert {name: row["epochs"] for name, row in found.items()} == {"l = 1": "1", "l = 2": "3"}
    clips = [c for c in manifest.read(root / "clips.jsonl") if c.partition == "validation"]
    truth = np.concatenate([labels.read(root / "labels", clip)[:, 0] for clip in clips])
    predicted = np.concatenate([trainer.prediction(clip) for clip in clips])
    assert float(found["l = 2"]["ccc"]) == pytest.approx(ccc(predicted, truth), abs=1e-6)


def _write(path, content):
    with path.open("w") as file:
        YAML(typ="safe").dump(content, file)
    return path
