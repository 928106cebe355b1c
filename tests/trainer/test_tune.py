"""The search for settings: what it tries, keeps, and continues."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from contextlib import ExitStack
from importlib.resources import files
from pathlib import Path

import pytest

from bmi_dmx.config import load
from bmi_dmx.errors import ConfigError, DataError, TrainingError
from bmi_dmx.trainer import tune as tuning
from bmi_dmx.trainer.experiment_file import load_experiment
from bmi_dmx.trainer.tasks.basins.task import BasinsTask
from bmi_dmx.trainer.tune import Search, tune

from .test_resume import assert_same_run

ROOT = Path(tuning.__file__).resolve().parents[2]

SPACE = """
trials: {trials}
space:
  training.optimizer.rate: {{low: 1e-3, high: 1e-1, log: true}}
  model.members: {{low: 1, high: 3}}
  loss: [nse_batch, {{nse_batch: 1, kge: 0.5}}]
"""


def write(path: Path, trials: int) -> Path:
    path.write_text(SPACE.format(trials=trials), encoding="utf-8")
    return path


@pytest.fixture
def short(tiny: Path, tmp_path: Path) -> Path:
    """The small experiment, still smaller."""
    path = tmp_path / "short.yaml"
    text = tiny.read_text(encoding="utf-8").replace("steps: 20", "steps: 2")
    path.write_text(text, encoding="utf-8")
    return path


def scores(folder: Path) -> dict[str, float]:
    """Validation score of every run."""
    texts = {
        p.parent.name: p.read_text("utf-8") for p in folder.glob("*/training.json")
    }
    return {name: json.loads(t)["best_validation_nse"] for name, t in texts.items()}


def test_the_best_of_all_trials_is_kept(short: Path, tmp_path: Path) -> None:
    folder = tune(short, write(tmp_path / "s.yaml", 3), root=tmp_path)
    assert folder == tmp_path / "tiny-search"
    best = json.loads((folder / "best.json").read_text(encoding="utf-8"))
    by_run = scores(folder)
    assert len(by_run) == best["trials"] == 3
    assert by_run[best["run"]] == best["best_validation_nse"] == max(by_run.values())
    tried = [load_experiment(folder / name / "config.yaml") for name in by_run]
    assert all(1e-3 <= e.training.optimizer.rate <= 1e-1 for e in tried)
    assert len({e.training.optimizer.rate for e in tried}) == 3
    assert {e.model.parts["land"].members for e in tried} <= {1, 2, 3}
    # The settings that are printed give the experiment that did best.
    again = load_experiment(short, best["settings"])
    assert again == load_experiment(folder / best["run"] / "config.yaml")


def test_a_search_continues_where_it_ended(short: Path, tmp_path: Path) -> None:
    tune(short, write(tmp_path / "s.yaml", 1), root=tmp_path)
    folder = tune(short, write(tmp_path / "s.yaml", 2), root=tmp_path)
    assert len(scores(folder)) == 2
    tune(short, tmp_path / "s.yaml", root=tmp_path)
    assert len(scores(folder)) == 2


def test_what_is_damaged_in_a_search_is_named(short: Path, tmp_path: Path) -> None:
    search = write(tmp_path / "s.yaml", 1)
    folder = tune(short, search, root=tmp_path)
    (folder / "study.db").write_bytes((folder / "study.db").read_bytes()[:3000])
    with pytest.raises(DataError, match=r"study\.db: cannot be used: database disk"):
        tune(short, search, root=tmp_path)
    (folder / "search.json").write_text("{", encoding="utf-8")
    with pytest.raises(DataError, match=r"search\.json: damaged or cut short"):
        tune(short, search, root=tmp_path)


def test_a_run_of_other_settings_is_not_the_trial_that_was_drawn(
    short: Path, tmp_path: Path
) -> None:
    folder = tune(short, write(tmp_path / "s.yaml", 1), root=tmp_path)
    (folder / "tiny-1").rename(folder / "tiny-2")
    with pytest.raises(ConfigError, match=r"tiny-2/config\.yaml: .*: found .*, but"):
        tune(short, write(tmp_path / "s.yaml", 2), root=tmp_path)


def test_trials_that_fail_are_told_and_counted(
    short: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    search = tmp_path / "s.yaml"
    space = "training.optimizer.rate: [1e-3, 1e30]"
    search.write_text(f"trials: 4\nspace:\n  {space}\n", encoding="utf-8")
    steps = ["training.steps=30", "training.validate_every=30"]
    folder = tune(short, search, steps, root=tmp_path)
    best = json.loads((folder / "best.json").read_text(encoding="utf-8"))
    assert best["trials"] + best["failed"] == 4
    assert best["failed"] == caplog.text.count("failed, and counts for nothing: ") > 0


KILLED = """
import os, signal, sys
from pathlib import Path
from bmi_dmx.trainer.module import TrainingModule
from bmi_dmx.trainer.tune import tune

good = TrainingModule.training_step

def dying(self, batch, index):
    if self.global_step == 7 and (Path(sys.argv[3]) / "tiny-search/tiny-2").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    return good(self, batch, index)

TrainingModule.training_step = dying
tune(sys.argv[1], Path(sys.argv[2]), sys.argv[4:], root=sys.argv[3])
"""


def test_a_killed_search_goes_on_as_if_it_had_not_been(
    tiny: Path, tmp_path: Path
) -> None:
    search, ten = write(tmp_path / "s.yaml", 3), ["training.steps=10"]
    whole = tune(tiny, search, ten, root=tmp_path / "whole")
    arguments = [str(tiny), str(search), str(tmp_path / "cut"), *ten]
    ended = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments],
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        check=False,
    )
    assert ended.returncode == -signal.SIGKILL, ended.stderr.decode()
    folder = tmp_path / "cut" / "tiny-search"
    assert scores(folder).keys() == {"tiny-1"}
    assert tune(tiny, search, ten, root=tmp_path / "cut") == folder
    # The training that was cut short went on, and what was drawn then is the same.
    assert scores(folder) == scores(whole)
    assert_same_run(whole / "tiny-2", folder / "tiny-2")
    best = [(f / "best.json").read_text(encoding="utf-8") for f in (whole, folder)]
    assert best[0] == best[1]


def test_workers_share_the_trials_of_a_search(short: Path, tmp_path: Path) -> None:
    folder = tune(short, write(tmp_path / "s.yaml", 3), root=tmp_path, workers=2)
    by_run = scores(folder)
    assert by_run.keys() == {"tiny-1", "tiny-2", "tiny-3"}
    best = json.loads((folder / "best.json").read_text(encoding="utf-8"))
    assert best["best_validation_nse"] == max(by_run.values())
    logs = [p.read_text("utf-8") for p in sorted(folder.glob("worker-*.txt"))]
    assert len(logs) == 2
    assert sum(text.count("learning from") for text in logs) == 3
    with pytest.raises(ConfigError, match="--workers: expected at least 1, found 0"):
        tune(short, tmp_path / "s.yaml", root=tmp_path, workers=0)


def test_a_trial_that_ends_while_one_is_looked_for_is_not_taken_up(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    study = tuning._study(tmp_path, load_experiment(short), "none")
    trial = study.ask()
    hold = tuning._hold

    def ended(stack: ExitStack, path: Path) -> bool:
        study.tell(trial, 0.5)
        return hold(stack, path)

    with ExitStack() as locks, monkeypatch.context() as patch:
        patch.setattr(tuning, "_hold", ended)
        assert tuning._free(locks, tmp_path, study) is None
    with ExitStack() as locks:
        cut = study.ask()
        candidate = tuning._free(locks, tmp_path, study)
        assert candidate is not None
        assert candidate.number == cut.number
        # Nobody else takes up what is held.
        assert tuning._free(locks, tmp_path, study) is None


@pytest.mark.parametrize("pruner", ["median", "hyperband"])
def test_trainings_that_fall_behind_are_given_up(
    tiny: Path, tmp_path: Path, pruner: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    falling = iter(range(0, -1000, -1))
    monkeypatch.setattr(
        BasinsTask, "validate", lambda self, model: float(next(falling))
    )
    search = write(tmp_path / "s.yaml", 8)
    text = search.read_text(encoding="utf-8")
    search.write_text(f"pruner: {pruner}\n{text}", encoding="utf-8")
    settings = [
        "training.steps=4", "training.validate_every=1", "training.checkpoint_every=1",
        "model.static.hidden=[2]",
    ]  # fmt: skip
    folder = tune(tiny, search, settings, root=tmp_path)
    best = json.loads((folder / "best.json").read_text(encoding="utf-8"))
    assert best["pruned"] > 0
    assert best["trials"] + best["pruned"] == 8
    # What is given up has no summary, and the first is the best here.
    assert len(scores(folder)) == best["trials"]
    assert best["run"] == "tiny-1"
    # The same command has nothing left to do.
    tune(tiny, search, settings, root=tmp_path)
    assert len(scores(folder)) == best["trials"]


def test_a_search_of_another_version_is_refused(short: Path, tmp_path: Path) -> None:
    (tmp_path / "tiny-search").mkdir()
    (tmp_path / "tiny-search" / "journal.log").touch()
    with pytest.raises(ConfigError, match=r"found journal\.log .* expected study\.db"):
        tune(short, write(tmp_path / "s.yaml", 1), root=tmp_path)


def test_another_search_does_not_continue_the_first(
    short: Path, tmp_path: Path
) -> None:
    search = write(tmp_path / "s.yaml", 1)
    folder = tune(short, search, root=tmp_path)
    with pytest.raises(ConfigError, match=r"experiment\.seed: found 9, .* with 3"):
        tune(short, search, ["seed=9"], root=tmp_path)
    text = search.read_text(encoding="utf-8")
    search.write_text(text.replace("high: 3", "high: 4"), encoding="utf-8")
    message = r"space\.model\.members\.high: found 4, .* began with 3"
    with pytest.raises(ConfigError, match=message):
        tune(short, search, root=tmp_path)
    assert len(scores(folder)) == 1


def test_an_interrupted_search_says_how_it_continues(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(*_: object, **__: object) -> Path:
        raise KeyboardInterrupt("at step 1")

    monkeypatch.setattr(tuning, "resume", interrupted)
    with pytest.raises(
        KeyboardInterrupt, match="after 0 of 2 trials; the same command"
    ):
        tune(short, write(tmp_path / "s.yaml", 2), root=tmp_path)


def test_a_failed_trial_does_not_end_the_search(
    short: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, calls = tuning.resume, iter(range(9))

    def sometimes(*arguments: object, **options: object) -> Path:
        if next(calls) == 0:
            raise TrainingError("diverged")
        return good(*arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(tuning, "resume", sometimes)
    folder = tune(short, write(tmp_path / "s.yaml", 2), root=tmp_path)
    assert len(scores(folder)) == 1
    calls = iter([0] * 9)
    with pytest.raises(TrainingError, match="no trial came to an end"):
        tune(short, write(tmp_path / "s.yaml", 2), ["name=other"], root=tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("space: {}", "space: no key is given"),
        ("{trials: 0, space: {seed: [1]}}", "trials: expected at least 1, found 0"),
        ("space: {seed: []}", "space.seed: no value is given"),
        ("space: {seed: {low: 3, high: 2}}", "expected low < high, found 3 and 2"),
        ("space: {seed: {low: 0, high: 2, log: true}}", "low: found 0, a log range"),
        ("space: {sed: [1]}", "sed: unknown key; did you mean 'seed'?"),
        ("space: {model.members: {low: 0, high: 4}}", "members: expected at least 1"),
    ],
)
def test_what_cannot_be_tried_is_refused_before_anything_is(
    short: Path, tmp_path: Path, text: str, message: str
) -> None:
    search = tmp_path / "s.yaml"
    search.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError) as caught:
        tune(short, search, root=tmp_path)
    assert message in str(caught.value)
    assert not (tmp_path / "tiny-search").exists()


def test_a_search_needs_a_validation_period(short: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"a search needs periods\.validation"):
        tune(short, write(tmp_path / "s.yaml", 1), ["periods.validation=null"])


def test_the_shipped_search_can_be_read() -> None:
    path = Path(str(files("bmi_dmx.configs") / "searches" / "static.yaml"))
    assert load(path, Search).trials > 1
