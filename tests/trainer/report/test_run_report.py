"""The report of a run: what it tells, and how it is clicked through."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml

from bmi_dmx.cli import main
from bmi_dmx.trainer.fit import train
from bmi_dmx.trainer.run_folder import RunFolder

FETCHED = re.compile(r"""(?:src|href)=["']?(?:https?:|//)|url\(["']?(?:https?:|//)""")
"""What a browser would get from elsewhere by itself."""


@pytest.fixture(scope="module")
def told(finished: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A run with its report."""
    run = tmp_path_factory.mktemp("told") / "tiny-1"
    shutil.copytree(finished, run)
    assert main(["report", str(run)]) == 0
    return run


def content(page: Path) -> dict[str, Any]:
    """Return what a page holds for its script."""
    text = page.read_text(encoding="utf-8")
    inside = text.split('type="application/json">')[1].split("</script>")[0]
    content: dict[str, Any] = json.loads(inside)
    return content


def test_it_tells_what_the_evaluation_found(told: Path) -> None:
    page = told / "report.html"
    text = page.read_text(encoding="utf-8")
    assert FETCHED.findall(text) == []
    contents = content(page)
    summary = json.loads((told / "test" / "summary.json").read_text(encoding="utf-8"))
    nse = [
        one["values"] for one in contents["places"]["scores"] if one["label"] == "NSE"
    ]
    median = float(np.median(nse[0]))
    assert median == pytest.approx(summary["medians"]["all"]["nse"], abs=1e-4)
    assert f"<b>{median:.2f}</b>".replace("-", "−") in text
    for expected in (
        "persistence", "climatology", "mid-range", "config.yaml", "seed: 3",
        "large (", "1980-01-01 to 1980-12-30", "torch",
    ):  # fmt: skip
        assert expected in text, expected
    assert "Skippack Creek near Collegeville" in " ".join(contents["places"]["names"])
    names = [line["name"] for line in contents["series"]["lines"]]
    assert names[:3] == ["observed", "simulated", "precipitation"]
    assert {one["label"] for one in contents["parameters"]} >= {"beta", "fc"}
    assert len(contents["parameters"][0]["values"]) == len(contents["places"]["ids"])


def test_it_scores_again_what_was_scored_of_another_checkpoint(
    told: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = tmp_path / "run"
    shutil.copytree(told, run)
    summary = run / "test" / "summary.json"
    original = json.loads(summary.read_text(encoding="utf-8"))
    summary.write_text(json.dumps({**original, "steps": [1]}), encoding="utf-8")
    assert main(["report", str(run), "--output", str(tmp_path / "page.html")]) == 0
    again = json.loads(summary.read_text(encoding="utf-8"))
    assert again["steps"] == original["steps"]
    assert (tmp_path / "page.html").is_file()


def test_it_scores_again_what_was_scored_with_other_settings(
    told: Path, tmp_path: Path
) -> None:
    run = tmp_path / "run"
    shutil.copytree(told, run)
    summary, config = run / "test" / "summary.json", run / "config.yaml"
    settings = yaml.safe_load(config.read_text(encoding="utf-8"))
    settings["evaluation"]["warmup"] = 7
    config.write_text(yaml.safe_dump(settings), encoding="utf-8")
    assert main(["report", str(run), "--output", str(tmp_path / "page.html")]) == 0
    again = json.loads(summary.read_text(encoding="utf-8"))
    assert again["warmup_days_before"] == 7
    mtime = summary.stat().st_mtime_ns
    assert main(["report", str(run), "--output", str(tmp_path / "page.html")]) == 0
    assert summary.stat().st_mtime_ns == mtime


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--period", "tset"], "expected one of train, validation, test"),
        (["--shift", "1"], "--shift: goes with a bundle"),
        (["--data", "delaware"], "--data: goes with a bundle"),
    ],
)
def test_what_does_not_go_with_a_run_is_refused(
    told: Path, words: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(told), *words]) == 1
    assert message in capsys.readouterr().err


def test_what_is_neither_run_nor_bundle_is_refused(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert main(["report", "dhbv-conus-daly"]) == 1
    error = capsys.readouterr().err
    assert (
        "no such run, and no bundle of that name; did you mean 'dhbv-conus-da" in error
    )


def test_a_task_that_says_no_more_shows_scores_and_pictures(tmp_path: Path) -> None:
    settings = ["training.steps=2", "training.validate_every=2"]
    run = train("leaf_c3_made", settings, root=tmp_path)
    assert main(["report", str(run), "--period", "validation"]) == 0
    text = (run / "report.html").read_text(encoding="utf-8")
    assert "root mean squared error" in text
    assert "data:image/png;base64" in text


def test_a_run_shows_itself_in_a_notebook(told: Path) -> None:
    shown = RunFolder(told)._repr_html_()
    training = json.loads((told / "training.json").read_text(encoding="utf-8"))
    assert "<b>tiny-1</b> a test" in shown
    assert f"best validation nse: {training['best_validation_nse']:.4g}" in shown


CLICKS = """
<script>
const say = (name, value) => { document.body.dataset[name] = value; };
const drag = (node, from, to) => {
  const area = node.getBoundingClientRect();
  const send = (type, share) => node.dispatchEvent(new PointerEvent(type, {
    pointerId: 1, pointerType: "mouse", bubbles: true,
    clientX: area.left + share * area.width, clientY: area.top + 0.5 * area.height}));
  node.setPointerCapture = () => {};
  send("pointerdown", from); send("pointermove", to); send("pointerup", to);
};
const readout = () => document.querySelector("#viewer .readout").textContent;
const title = () => document.querySelector("#viewer h3").textContent;
say("whole", readout());
const dot = document.querySelector("#atlas [data-place='01440400']");
dot.dispatchEvent(new MouseEvent("click", {bubbles: true}));
say("clicked", title());
document.querySelector("#list tr[data-place='01483700']").click();
say("listed", title());
drag(document.querySelector("#viewer svg.zoomed"), 0.4, 0.6);
say("zoomed", readout());
document.querySelectorAll("#viewer .legend input")[3].click();
say("lines", document.querySelectorAll("#viewer path[data-line]").length);
document.querySelector("#viewer button").click();
say("again", readout());
const search = document.querySelector("#list input");
search.value = "0144"; search.dispatchEvent(new Event("input"));
say("found", document.querySelectorAll("#list tbody tr").length);
const select = document.querySelector("#atlas select");
select.value = "1"; select.dispatchEvent(new Event("change"));
say("second", document.querySelector("#list th:last-child").textContent);
say("strips", document.querySelectorAll("#strips svg circle").length);
say("panels", document.querySelectorAll("figure svg path").length);
</script>
"""


@pytest.mark.slow
def test_it_is_clicked_through_in_a_browser(told: Path, tmp_path: Path) -> None:
    browser = next(filter(None, map(shutil.which, ("chromium", "google-chrome"))), None)
    if browser is None:
        pytest.skip("there is no browser to look at it with")
    text = (told / "report.html").read_text(encoding="utf-8")
    page = tmp_path / "page.html"
    page.write_text(text.replace("</body>", f"{CLICKS}</body>"), encoding="utf-8")
    shown = subprocess.run(
        [browser, "--headless", "--no-sandbox", "--disable-gpu",
         "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1200,900",
         "--virtual-time-budget=20000", "--dump-dom", page.as_uri()],
        capture_output=True, text=True, check=True, timeout=120,
    ).stdout  # fmt: skip
    assert 'data-drawn="yes"' in shown
    body = re.search(r"<body[^>]*>", shown)
    assert body is not None
    attributes = dict(re.findall(r'data-(\w+)="([^"]*)"', body[0]))
    assert attributes["whole"].startswith("1980-01-01 to 1980-12-30")
    assert attributes["clicked"].startswith("01440400")
    assert attributes["listed"].startswith("01483700")
    zoomed = re.findall(r"\d{4}-\d\d-\d\d", attributes["zoomed"])
    assert "1980-04-01" < zoomed[0] < zoomed[1] < "1980-09-01"
    assert "NSE" in attributes["zoomed"]
    assert attributes["lines"] == "3"
    assert attributes["again"].startswith("1980-01-01 to 1980-12-30")
    ids = content(page)["places"]["ids"]
    assert int(attributes["found"]) == sum("0144" in one for one in ids)
    assert int(attributes["strips"]) > 0
    assert int(attributes["panels"]) >= 5
    # The NSE of all days is that of the list, computed by the page itself.
    places = content(page)["places"]
    nse = places["scores"][0]["values"][places["ids"].index("01483700")]
    (of_page,) = re.findall(r"NSE ([−\d.]+)", attributes["again"])
    assert float(of_page.replace("−", "-")) == pytest.approx(nse, abs=0.011)
