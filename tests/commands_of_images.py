"""What has to work in an image, and in the environment that stands for one."""

from __future__ import annotations

TABLE = """
from pathlib import Path
from bmi_dmx import load_bundle
bundle = load_bundle("dhbv-conus-daily")
known = {a.name: 42.0 for a in bundle.plan.attributes if a.name == "latitude"}
for a in bundle.plan.attributes:
    if a.name in bundle.statistics:
        known[a.name] = bundle.statistics[a.name].typical
cells = ",".join(map(str, known.values()))
rows = [f"cat-{number},{cells}" for number in range(1451, 1459)]
Path("places.csv").write_text("\\n".join(["id," + ",".join(known), *rows]))
"""
"""A program that writes a table of attributes of the sample's catchments."""

COMMANDS = {
    "dmx --version": "bmi_dmx ",
    "dmx health": "dhbv-conus-daily: whole",
    "dmx ngen sample domain": "domain/sample.gpkg",
    "dmx ngen prepare domain/sample.gpkg domain/forcing.nc --start 1980-03-15 "
    "--end '1980-03-16 23:00' --output run": "run: 8 catchments, 48 hours",
    "dmx ngen check run": "run: ready to run, 0 warnings",
    "dmx ngen run run": "run/outputs/ngen: 8 catchments, 6 nexuses, 48 hours",
    "dmx run dhbv-conus-daily domain/forcing.nc --attributes places.csv "
    "--outputs streamflow --output flow.nc": "flow.nc",
}
"""Command lines, in this order, and what each says."""

MEASURED = """
import json, resource, subprocess, sys
done = subprocess.run(["sh", "-ec", *sys.argv[1:]])
used = resource.getrusage(resource.RUSAGE_CHILDREN)
print(json.dumps([used.ru_utime + used.ru_stime, used.ru_maxrss // 1024]))
sys.exit(done.returncode)
"""
"""A program that runs a line of a shell; it says last how many seconds of a processor
that took, and how many MB of memory at most."""
