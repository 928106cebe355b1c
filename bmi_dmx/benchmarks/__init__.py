"""Measurements of speed and memory, run by ``dmx bench``.

All times are CPU seconds of one thread, medians of repeated runs, unless a record says
otherwise: they do not depend on what else a machine is doing as wall time does.
"""

from __future__ import annotations

import logging
import os
from importlib import import_module
from pathlib import Path
from typing import Any

from ..errors import ConfigError

__all__ = ["BENCHMARKS", "DEFAULT", "run"]

log = logging.getLogger(__name__)

BENCHMARKS = {
    "scan": "scan",
    "scan-compare": "library",
    "step": "step",
    "ngen": "ngen",
    "route": "route",
    "simulate": "simulate",
    "train": "train",
    "ensembles": "ensembles",
    "assimilation": "assimilation",
    "ocean": "ocean",
}
"""Modules by the name of what they measure."""

DEFAULT = ("scan", "step")
"""What is measured unless something is asked for."""

_ON_A_GPU = "gpu"


def run(
    name: str | None, json_file: Path | None, device: str = "cpu", **sizes: Any
) -> None:
    """Measure, print tables, and write the records to a file.

    Parameters
    ----------
    name : str or None
        What to measure, of :data:`BENCHMARKS`; None is :data:`DEFAULT`.
    json_file : Path or None
        Where to write the records, a list of flat JSON objects.
    device : {"cpu", "cuda"}
        Where; a GPU is measured by ``scan`` alone.
    **sizes
        Of the problem, by the keywords of the module.

    Raises
    ------
    ConfigError
        Something else is to be measured on a GPU.
    ScanError
        There is no GPU here.
    """
    if device != "cpu" and name != "scan":
        target = "nothing" if name is None else repr(name)
        raise ConfigError(f"bench --device {device}: expected 'scan', found {target}")
    # Read by the libraries of linear algebra when NumPy loads them.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    from . import measure

    modules = [BENCHMARKS[benchmark] for benchmark in ([name] if name else DEFAULT)]
    if device != "cpu":
        modules = [_ON_A_GPU]
    records: list[measure.Record] = []
    for module in modules:
        log.info("measuring %s, which may take minutes", module)
        records += import_module(f".{module}", __name__).run(**sizes)
    if json_file is not None:
        measure.write(records, json_file)
