"""Steps shorter than those of the lateral inflow."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from torch import Tensor

from ...errors import ScanError
from ...scan import ScanResult, scan
from .muskingum_cunge import MuskingumCunge

__all__ = ["substepped"]


def substepped(
    process: MuskingumCunge,
    state: Mapping[str, Tensor] | None,
    forcing: Mapping[str, Tensor],
    parameters: Mapping[str, Tensor | float],
    *,
    dt: float,
    substeps: int,
    outputs: Sequence[str] | None = None,
    backend: str = "auto",
) -> ScanResult:
    """Route with several steps to one of the lateral inflow, which is constant in it.

    Constant inflow is what conserves mass: the same water enters as in one long step.
    The whole tree takes every short step, for what passes a confluence within a step of
    the inflow has to be seen downstream at once. So the short steps are those of a
    scan, and none of a reach by itself.

    Parameters
    ----------
    process : MuskingumCunge
        The physics, on its tree.
    state, forcing, parameters, outputs, backend
        As for a scan.
    dt : float
        Length of a step of the forcing, s.
    substeps : int
        Number of steps of the physics in one of them.

    Returns
    -------
    ScanResult
        By steps of the forcing: rates are means, amounts are sums, all else is of the
        end of the step.

    Raises
    ------
    ScanError
        When there are no substeps, or as for a scan.
    """
    if substeps < 1:
        raise ScanError(
            f"{process.name}: substeps: found {substeps}, expected at least 1"
        )
    short = {n: x.repeat_interleave(substeps, dim=0) for n, x in forcing.items()}
    varying = {
        n: x.repeat_interleave(substeps, dim=0)
        if isinstance(x, Tensor) and x.ndim == 3
        else x
        for n, x in parameters.items()
    }
    result = scan(
        process, state, short, varying,
        dt=dt / substeps, outputs=outputs, backend=backend,
    )  # fmt: skip
    rules = {flux.name: flux.per_step for flux in process.fluxes}
    aggregates: dict[str, Tensor] = {}
    for name, x in result.outputs.items():
        parts = x.reshape(-1, substeps, *x.shape[1:])
        match rules.get(name):
            case "rate":
                aggregates[name] = parts.mean(1)
            case "amount":
                aggregates[name] = parts.sum(1)
            case _:
                aggregates[name] = parts[:, -1]
    return ScanResult(result.state, aggregates)
