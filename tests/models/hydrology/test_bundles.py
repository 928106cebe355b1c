"""The models of streamflow that come with the package, and what their page says."""

from __future__ import annotations

from pathlib import Path

import pytest

from bmi_dmx.bundle import Bundle, load_bundle

PAGE = Path(__file__).parents[3] / "docs" / "bundles.md"
ALONE = ("dhbv-conus-daily", "dhbv-conus-dynamic", "lstm-conus-daily")
MEAN = "ensemble-conus-daily"

Bundles = dict[str, Bundle]


@pytest.fixture(scope="module")
def trained() -> Bundles:
    return {name: load_bundle(name) for name in (*ALONE, MEAN)}


@pytest.fixture(scope="module")
def regions() -> dict[str, dict[str, str]]:
    """What the page says: the score by region and bundle."""
    lines = PAGE.read_text(encoding="utf-8").splitlines()
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    head = next(n for n, row in enumerate(rows) if row[0] == "region")
    names = [cell.strip("`") for cell in rows[head]]
    body = rows[head + 2 : rows.index([""], head)]
    return {row[0]: dict(zip(names, row, strict=True)) for row in body}


def test_a_bundle_says_what_it_learned_from_and_when_it_was_scored(
    trained: Bundles,
) -> None:
    for name in ALONE:
        manifest = trained[name].manifest
        assert (manifest.name, manifest.licence) == (name, "CC-BY-4.0")
        periods = manifest.provenance["periods"]
        assert periods["train"][1] < periods["test"][0]
        assert manifest.provenance["data"]["attributes_period"] == periods["train"]
        assert manifest.scores["test"]["scored"] == periods["test"]
        assert (
            len(manifest.provenance["basin_ids"])
            == manifest.scores["test"]["basins"]["all"]
        )
        assert not manifest.provenance["commit"].endswith("dirty")


def test_the_mean_is_that_of_the_models_beside_it(trained: Bundles) -> None:
    manifest = trained[MEAN].manifest
    assert (manifest.name, manifest.licence) == (MEAN, "CC-BY-4.0")
    models = manifest.provenance["models"]
    assert len({model["weight"] for model in models}) == 1
    alone = {trained[name].fingerprint for name in ALONE}
    assert alone < {model["fingerprint"] for model in models}


def test_the_page_has_the_scores_of_the_bundles(
    trained: Bundles, regions: dict[str, dict[str, str]]
) -> None:
    for name in ALONE[1:]:
        scores = trained[name].manifest.scores["test"]
        assert set(scores["basins"]) == {*regions}
        for region, row in regions.items():
            assert row["basins"] == str(scores["basins"][region])
            assert row[name] == f"{scores['medians'][region]['nse']:.3f}"
