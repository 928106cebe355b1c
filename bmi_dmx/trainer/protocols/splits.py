"""Places dealt into folds, so that each is held out once: at random or by region."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from ...errors import ConfigError, DataError, suggestion
from .protocol import HeldOutPlaces

__all__ = ["Fold", "PlaceTable", "clusters", "deal", "folds_of"]

ROUNDS = 100
"""Most rounds in which clusters settle."""


@dataclass(frozen=True, kw_only=True)
class PlaceTable:
    """What is known of places before anything is learned.

    Parameters
    ----------
    ids : (P,) array of str
        Names.
    numbers : mapping of str to (P,) array
        Attributes that are numbers.
    classes : mapping of str to (P,) array of str
        Attributes that are one of a few words or codes.
    longitude, latitude : (P,) array, optional
        Degrees.
    """

    ids: NDArray[np.str_]
    numbers: Mapping[str, NDArray[np.float64]] = field(default_factory=dict)
    classes: Mapping[str, NDArray[np.str_]] = field(default_factory=dict)
    longitude: NDArray[np.float64] | None = None
    latitude: NDArray[np.float64] | None = None


@dataclass(frozen=True)
class Fold:
    """Places that are learned from, and those that are judged.

    Parameters
    ----------
    name : str
        Of the fold; part of the name of a folder.
    learned, held_out : tuple of str
        Names of places; the same ones where nothing is held out.
    """

    name: str
    learned: tuple[str, ...]
    held_out: tuple[str, ...]


def folds_of(split: HeldOutPlaces, places: PlaceTable) -> tuple[list[Fold], str]:
    """Return the folds of a protocol, and how they were made.

    Parameters
    ----------
    split : HeldOutPlaces
        What is asked for.
    places : PlaceTable
        All places.

    Raises
    ------
    ConfigError, DataError
        There are too few places, or an attribute or coordinates are not known.
    """
    ids = np.sort(places.ids)
    if split.by == "nothing":
        everything = tuple(ids.tolist())
        return [Fold("all", everything, everything)], "every place is learned from"
    if split.by == "folds":
        groups, about = _dealt(split, places)
    elif split.attribute:
        groups, about = _regions(split, places)
    else:
        groups, about = _neighbourhoods(split, places)
    if len(groups) < 2:
        raise DataError(
            f"places: only fold {next(iter(groups))!r} has places; nothing would be"
            " left to learn from"
        )
    folds = [
        Fold(
            name, tuple(np.setdiff1d(ids, part).tolist()), tuple(np.sort(part).tolist())
        )
        for name, part in groups.items()
    ]
    return folds, about


def deal(
    ids: NDArray[np.str_],
    count: int,
    seed: int,
    along: NDArray[np.float64] | None = None,
) -> list[NDArray[np.str_]]:
    """Deal places into folds of equal size, one more in the first ones.

    Parameters
    ----------
    ids : (P,) array of str
        Names; their order does not matter.
    count : int
        Folds.
    seed : int
        Seed of the deal.
    along : (P,) array, optional
        A number of each place. Of ``count`` places that are next to each other by it,
        every fold gets one.
    """
    generator = np.random.default_rng(seed)
    order = np.argsort(ids)
    if along is None:
        return np.array_split(generator.permutation(ids[order]), count)
    ranked = ids[order][np.argsort(along[order], kind="stable")]
    hands: list[list[str]] = [[] for _ in range(count)]
    for start in range(0, len(ranked), count):
        part = ranked[start : start + count]
        for fold, name in zip(generator.permutation(count), part, strict=False):
            hands[int(fold)].append(str(name))
    return [np.array(hand, dtype=np.str_) for hand in hands]


def clusters(
    longitude: NDArray[np.float64], latitude: NDArray[np.float64], count: int
) -> NDArray[np.intp]:
    """Return to which of some clusters of neighbours each place belongs.

    Means of places on the sphere (Lloyd 1982, doi:10.1109/TIT.1982.1056489), begun with
    places that are as far from each other as possible: nothing is drawn at random.
    Clusters are numbered from west to east.

    Parameters
    ----------
    longitude, latitude : (P,) arrays
        Degrees.
    count : int
        Clusters, at most as many as there are different places.
    """
    east, north = np.radians(longitude), np.radians(latitude)
    points = np.stack(
        [np.cos(north) * np.cos(east), np.cos(north) * np.sin(east), np.sin(north)], 1
    )
    centres = _far_apart(points, count)
    member = np.full(len(points), -1)
    for _ in range(ROUNDS):
        nearest = (points @ centres.T).argmax(axis=1)
        if (nearest == member).all():
            break
        member = nearest
        for number in np.unique(member):
            mean = points[member == number].mean(axis=0)
            centres[number] = mean / np.linalg.norm(mean)
    numbers = np.unique(member)
    west = np.array([longitude[member == number].mean() for number in numbers])
    return np.argsort(np.argsort(west, kind="stable"))[np.searchsorted(numbers, member)]


def _far_apart(points: NDArray[np.float64], count: int) -> NDArray[np.float64]:
    """Return points of which each is the farthest from those before it."""
    indices = [int((points @ points.mean(axis=0)).argmin())]
    for _ in range(count - 1):
        nearness = (points @ points[indices].T).max(axis=1)
        indices.append(int(nearness.argmin()))
    start: NDArray[np.float64] = points[indices]
    return start


Groups = dict[str, NDArray[np.str_]]


def _dealt(split: HeldOutPlaces, places: PlaceTable) -> tuple[Groups, str]:
    if len(places.ids) < split.folds:
        raise ConfigError(
            f"places.folds: expected at most {len(places.ids)}, as there are places,"
            f" found {split.folds}"
        )
    along, how = None, "at random"
    if split.stratify:
        if split.stratify not in places.numbers:
            hint = suggestion(split.stratify, places.numbers)
            raise DataError(f"places.stratify: no attribute {split.stratify!r}{hint}")
        along = places.numbers[split.stratify]
        if not np.isfinite(along).all():
            name = str(places.ids[~np.isfinite(along)][0])
            raise DataError(
                f"places.stratify: {split.stratify!r} is not known of place {name!r}"
            )
        how += f", each with the whole range of {split.stratify}"
    parts = deal(places.ids, split.folds, split.seed, along)
    about = f"places dealt into {split.folds} folds {how} (seed {split.seed})"
    return {f"fold-{n}": part for n, part in enumerate(parts, 1)}, about


def _regions(split: HeldOutPlaces, places: PlaceTable) -> tuple[Groups, str]:
    """Return the places of every region, or of every group of regions."""
    labels = _labels(split.attribute, places)
    all_regions = sorted(set(labels.tolist()))
    grouping = split.groups or _each_named(all_regions)
    of: dict[str, str] = {}
    for name, regions in grouping.items():
        for region in regions:
            if region in of:
                raise ConfigError(
                    f"places.groups: region {region!r} is in {of[region]!r} and in"
                    f" {name!r}, expected once"
                )
            of[region] = name
    for region in all_regions:
        if region not in of:
            raise ConfigError(
                f"places.groups: region {region!r} of attribute {split.attribute!r} is"
                f" in no group{suggestion(region, of)}"
            )
    fold = np.array([of[label] for label in labels.tolist()])
    groups = {name: places.ids[fold == name] for name in grouping}
    groups = {name: part for name, part in groups.items() if len(part)}
    about = f"regions by the attribute {split.attribute!r}, in {len(groups)} folds"
    return groups, about


def _labels(attribute: str, places: PlaceTable) -> NDArray[np.str_]:
    if attribute in places.classes:
        labels = places.classes[attribute]
    elif attribute in places.numbers:
        values = places.numbers[attribute]
        labels = np.array(
            [f"{value:g}" if np.isfinite(value) else "" for value in values]
        )
    else:
        hint = suggestion(attribute, [*places.classes, *places.numbers])
        raise DataError(f"places.attribute: no attribute {attribute!r}{hint}")
    if (labels == "").any():
        name = str(places.ids[labels == ""][0])
        raise DataError(
            f"places.attribute: {attribute!r} is not known of place {name!r}"
        )
    return labels


def _each_named(labels: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return each region under a name that folders may have, no two alike.

    Regions may differ in what folders cannot be called, or in capitals, which not every
    disk tells apart; those after the first are numbered.
    """
    regions: dict[str, tuple[str, ...]] = {}
    names: set[str] = set()
    for label in labels:
        plain = name = "region-" + re.sub(r"[^A-Za-z0-9_.-]", "-", label)
        number = 1
        while name.casefold() in names:
            number += 1
            name = f"{plain}-{number}"
        names.add(name.casefold())
        regions[name] = (label,)
    return regions


def _neighbourhoods(split: HeldOutPlaces, places: PlaceTable) -> tuple[Groups, str]:
    longitude, latitude = places.longitude, places.latitude
    if longitude is None or latitude is None:
        raise DataError(
            "places.by: regions without an attribute are clusters of coordinates,"
            " which these data do not hold"
        )
    for name, values in (("longitude", longitude), ("latitude", latitude)):
        if not np.isfinite(values).all():
            place = str(places.ids[~np.isfinite(values)][0])
            raise DataError(f"places.by: the {name} of place {place!r} is not known")
    different = len({*zip(longitude.tolist(), latitude.tolist(), strict=True)})
    if different < split.folds:
        raise ConfigError(
            f"places.folds: expected at most {different}, as there are different"
            f" places, found {split.folds}"
        )
    order = np.argsort(places.ids)
    member = clusters(longitude[order], latitude[order], split.folds)
    ids = places.ids[order]
    groups = {f"region-{n + 1}": ids[member == n] for n in np.unique(member)}
    about = (
        f"{len(groups)} regions computed here: clusters of neighbouring places, from"
        " west to east"
    )
    return groups, about
