"""Measurements of speed and memory, run by ``dmx bench``.

All times are CPU seconds of one thread, medians of repeated runs, unless a record says
otherwise: they do not depend on what else a machine is doing as wall time does.
"""

from __future__ import annotations

import os
from pathlib import Path

__all__ = ["run"]


def run(name: str | None, json_file: Path | None) -> None:
    """Measure, print tables, and write the records to a file.

    Parameters
    ----------
    name : {"scan", "scan-compare", "step", "ngen", "route", "train"} or None
        What to measure; None is ``scan`` and ``step``. ``scan-compare`` sets the scan
        against PyTorch's own, whose compilation takes minutes; ``ngen`` is stepping by
        the calls of NextGen, ``route`` are rivers, ``train`` are steps of training.
    json_file : Path or None
        Where to write the records, a list of flat JSON objects.
    """
    # Read by the libraries of linear algebra when NumPy loads them.
    os.environ.update(OMP_NUM_THREADS="1", OPENBLAS_NUM_THREADS="1")
    from . import measure

    records: list[measure.Record] = []
    for chosen in ("scan", "step") if name is None else (name,):
        if chosen == "scan":
            from . import scan

            records += scan.run()
        elif chosen == "scan-compare":
            from . import library

            records += library.run()
        elif chosen == "ngen":
            from . import ngen

            records += ngen.run()
        elif chosen == "route":
            from . import route

            records += route.run()
        elif chosen == "train":
            from . import train

            records += train.run()
        else:
            from . import step

            records += step.run()
    if json_file is not None:
        measure.write(records, json_file)
