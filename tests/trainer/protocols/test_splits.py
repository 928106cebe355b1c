"""Places dealt into folds: each held out once, in the same way every time."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError, DataError
from bmi_dmx.trainer.protocols.protocol import HeldOutPlaces
from bmi_dmx.trainer.protocols.splits import (
    PlaceTable,
    clusters,
    deal,
    folds_of,
)

IDS = np.array([f"p{number:02d}" for number in range(20)])


def known(**more: object) -> PlaceTable:
    return PlaceTable(ids=IDS, **more)  # type: ignore[arg-type]


@given(
    count=st.integers(2, 7), seed=st.integers(0, 50), places=st.integers(7, 40),
    stratified=st.booleans(),
)  # fmt: skip
def test_each_place_is_held_out_once(
    count: int, seed: int, places: int, stratified: bool
) -> None:
    ids = np.array([f"{number}" for number in range(places)])
    along = np.cos(np.arange(places)) if stratified else None
    parts = deal(ids, count, seed, along)
    assert sorted(np.concatenate(parts).tolist()) == sorted(ids.tolist())
    sizes = [len(part) for part in parts]
    assert max(sizes) - min(sizes) <= 1


def test_the_order_of_the_places_does_not_matter() -> None:
    along = np.arange(20.0)
    turned = np.argsort(np.sin(np.arange(20)))
    for given_along, mixed in ((None, None), (along, along[turned])):
        one = deal(IDS, 3, 0, given_along)
        other = deal(IDS[turned], 3, 0, mixed)
        assert [a.tolist() for a in one] == [b.tolist() for b in other]


def test_folds_that_are_stratified_are_alike() -> None:
    values = np.arange(20.0)
    folds, about = folds_of(
        HeldOutPlaces(by="folds", folds=5, stratify="height"),
        known(numbers={"height": values}),
    )
    means = [values[np.isin(IDS, fold.held_out)].mean() for fold in folds]
    assert max(means) - min(means) < 4.0
    assert "height" in about


def test_what_is_held_out_is_not_learned_from() -> None:
    folds, _ = folds_of(HeldOutPlaces(by="folds", folds=4), known())
    for fold in folds:
        assert not set(fold.held_out) & set(fold.learned)
        assert {*fold.held_out, *fold.learned} == {*IDS.tolist()}


def test_without_folds_every_place_is_learned_from() -> None:
    (fold,), _ = folds_of(HeldOutPlaces(), known())
    assert fold.held_out == fold.learned == tuple(IDS.tolist())


def test_regions_are_held_out_whole() -> None:
    classes = {"zone": np.array(["a", "b", "c", "d"] * 5)}
    split = HeldOutPlaces(by="regions", attribute="zone")
    folds, _ = folds_of(split, known(classes=classes))
    assert [fold.name for fold in folds] == [f"region-{z}" for z in "abcd"]
    for fold, zone in zip(folds, "abcd", strict=True):
        assert fold.held_out == tuple(IDS[classes["zone"] == zone].tolist())
    grouped = HeldOutPlaces(
        by="regions", attribute="zone", groups={"west": ("a", "c"), "east": ("b", "d")}
    )
    folds, about = folds_of(grouped, known(classes=classes))
    assert about == "regions by the attribute 'zone', in 2 folds"
    assert [(fold.name, len(fold.held_out)) for fold in folds] == [
        ("west", 10),
        ("east", 10),
    ]


def test_regions_that_are_numbers_are_found_too() -> None:
    split = HeldOutPlaces(by="regions", attribute="zone")
    folds, _ = folds_of(split, known(numbers={"zone": np.arange(20.0) % 2}))
    assert [fold.name for fold in folds] == ["region-0", "region-1"]


def test_regions_that_folders_cannot_tell_apart_are_numbered() -> None:
    zones = np.array(["Rio/Sur", "Rio Sur", "rio-sur", "Rio-Sur-2"])[np.arange(20) % 4]
    split = HeldOutPlaces(by="regions", attribute="zone")
    folds, _ = folds_of(split, known(classes={"zone": zones}))
    names = [fold.name for fold in folds]
    assert names == [
        "region-Rio-Sur", "region-Rio-Sur-2", "region-Rio-Sur-3", "region-rio-sur-4",
    ]  # fmt: skip
    assert sorted(sum((fold.held_out for fold in folds), ())) == sorted(IDS.tolist())


def test_without_an_attribute_neighbours_are_a_region() -> None:
    longitude = np.where(np.arange(20) < 8, -120.0, -75.0) + np.arange(20) * 0.1
    folds, about = folds_of(
        HeldOutPlaces(by="regions", folds=2),
        known(longitude=longitude, latitude=np.full(20, 40.0)),
    )
    assert [fold.held_out for fold in folds] == [
        tuple(IDS[:8].tolist()),
        tuple(IDS[8:].tolist()),
    ]
    assert "computed here" in about


def test_clusters_reach_across_the_date_line() -> None:
    longitude = np.array([179.0, -179.0, 178.0, 0.0, 1.0, 2.0])
    member = clusters(longitude, np.zeros(6), 2)
    assert len(set(member[:3].tolist())) == len(set(member[3:].tolist())) == 1
    assert member[0] != member[3]


@given(st.integers(1, 6), st.integers(0, 99))
def test_clusters_do_not_depend_on_the_order(count: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    east, north = rng.uniform(-100, 100, 12), rng.uniform(-60, 60, 12)
    order = rng.permutation(12)
    one, other = (
        clusters(east, north, count),
        clusters(east[order], north[order], count),
    )
    assert (one[order] == other).all()
    assert set(one.tolist()) == set(range(one.max() + 1))


@pytest.mark.parametrize(
    ("held", "error", "message"),
    [
        (HeldOutPlaces(by="folds", folds=21), ConfigError, "at most 20, .* found 21"),
        (
            HeldOutPlaces(by="folds", stratify="hight"),
            DataError,
            "did you mean 'height'",
        ),
        (
            HeldOutPlaces(by="regions", attribute="zon"),
            DataError,
            "did you mean 'zone'",
        ),
        (HeldOutPlaces(by="regions"), DataError, "do not hold"),
        (
            HeldOutPlaces(by="regions", attribute="zone", groups={"x": ("a",)}),
            ConfigError,
            "region 'b' of attribute 'zone' is in no group",
        ),
        (
            HeldOutPlaces(
                by="regions", attribute="zone", groups={"x": ("a", "b"), "y": ("b",)}
            ),
            ConfigError,
            "region 'b' is in 'x' and in 'y'",
        ),
    ],
)
def test_what_cannot_be_dealt_is_refused(
    held: HeldOutPlaces, error: type[Exception], message: str
) -> None:
    places = known(
        numbers={"height": np.arange(20.0)}, classes={"zone": np.array(["a", "b"] * 10)}
    )
    with pytest.raises(error, match=message):
        folds_of(held, places)


def test_a_place_of_an_unknown_region_is_named() -> None:
    classes = {"zone": np.array(["a"] * 19 + [""])}
    with pytest.raises(DataError, match="is not known of place 'p19'"):
        folds_of(HeldOutPlaces(by="regions", attribute="zone"), known(classes=classes))
