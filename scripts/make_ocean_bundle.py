"""Make the bundle of a basin in which nothing is learned yet.

    python scripts/make_ocean_bundle.py

writes ``bmi_dmx/bundles/ocean-basin-made``: an ocean of five levels with a shelf, a rise
and an island, made and not measured, to try the component of oceans with.
"""

from __future__ import annotations

from pathlib import Path

from bmi_dmx.models.ocean.made_basin import made_basin

BUNDLES = Path(__file__).resolve().parents[1] / "bmi_dmx" / "bundles"

if __name__ == "__main__":
    made = made_basin(BUNDLES / "ocean-basin-made", overwrite=True)
    print(made.path)
