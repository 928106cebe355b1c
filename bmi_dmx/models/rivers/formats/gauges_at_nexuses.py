"""Which of the flowpaths that meet in a nexus a gauge measures."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ....data.identity import listed

__all__ = ["NexusGauge", "placed"]

TINY = 0.1
"""Share of the largest drainage area below which a flowpath is hardly the gauged one.
"""


@dataclass(frozen=True, kw_only=True)
class NexusGauge:
    """A gauge as a file has it: the flowpath that is named, and its nexus."""

    gauge: str
    reach: str
    nexus: str


def placed(
    candidates: Iterable[NexusGauge],
    above: Mapping[str, str],
    drained: Mapping[str, float],
    areas: Mapping[str, float],
    where: str,
    remarks: list[str],
) -> dict[str, str]:
    """Return the flowpath of every gauge.

    Files name the flowpath that a gauge is nearest to, which may be a small one beside
    the gauged. Of those that meet in its nexus it is the one whose drainage area is
    nearest to that of the gauge; where the gauge's is not known, the one that is named,
    or the largest if that is much larger.

    Parameters
    ----------
    candidates : iterable of NexusGauge
        The first of a gauge counts.
    above : mapping of str to str
        The nexus into which every flowpath drains.
    drained : mapping of str to float
        Drainage area of flowpaths, km2.
    areas : mapping of str to float
        Drainage area at gauges, km2, as far as known.
    where : str
        File, for messages.
    remarks : list of str
        More is added.
    """
    meeting = defaultdict(list)
    for reach, nexus in above.items():
        meeting[nexus].append(reach)
    flowpaths: dict[str, str] = {}
    moved: list[str] = []
    away: list[str] = []
    for one in candidates:
        if one.gauge in flowpaths or one.gauge in away:
            continue
        near = meeting.get(one.nexus) or [r for r in (one.reach,) if r in above]
        if not near:
            away.append(one.gauge)
            continue
        reach = _gauged(one, near, drained, areas.get(one.gauge, 0.0))
        flowpaths[one.gauge] = reach
        if reach != one.reach:
            moved.append(f"{one.gauge} from {one.reach} to {reach}")
    if moved:
        remarks.append(
            f"{where}: gauges put on another flowpath of their nexus, by drainage "
            f"area: {len(moved)} ({listed(moved)})"
        )
    if away:
        remarks.append(
            f"{where}: gauges at no flowpath of the file, left out: {len(away)} "
            f"({listed(away)})"
        )
    return flowpaths


def _gauged(
    one: NexusGauge, near: list[str], drained: Mapping[str, float], area: float
) -> str:
    sizes = {reach: drained.get(reach, math.nan) for reach in near}
    areas = {reach: size for reach, size in sizes.items() if size > 0.0}
    if not areas:
        return one.reach if one.reach in near else near[0]
    if area > 0.0:
        return min(areas, key=lambda reach: abs(math.log(areas[reach] / area)))
    largest = max(areas, key=lambda reach: areas[reach])
    if areas.get(one.reach, 0.0) < TINY * areas[largest]:
        return largest
    return one.reach
