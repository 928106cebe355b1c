"""Make the bundle of a column of the ocean in which nothing is learned.

    python scripts/make_column_bundle.py

writes ``bmi_dmx/bundles/column-usual``: constants of physics are what the declarations
have as their defaults, and the weather works on the surface.
"""

from __future__ import annotations

from pathlib import Path

from bmi_dmx.bundle import save_bundle
from bmi_dmx.compose import Model, Statistics
from bmi_dmx.models.ocean.column import USUAL_LEVELS
from bmi_dmx.models.ocean.column_recipe import ColumnModel
from bmi_dmx.variables import Attribute

BUNDLES = Path(__file__).resolve().parents[1] / "bmi_dmx" / "bundles"


def main() -> None:
    spec = ColumnModel(
        thickness=USUAL_LEVELS, surface="weather", steps=(3600.0, 21600.0), learned=()
    ).model()
    save_bundle(
        Model(spec, Statistics({})).double().eval(),
        BUNDLES / "column-usual",
        licence="CC0-1.0",
        about="columns of the ocean with usual constants: declared, not learned",
        provenance={"made_by": "scripts/make_column_bundle.py"},
        scores={},
        attributes=[Attribute(name="latitude", units="degree")],
        overwrite=True,
    )


if __name__ == "__main__":
    main()
