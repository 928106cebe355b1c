"""What NextGen gives to a component, and the calls by which it does so."""

from __future__ import annotations

from typing import Any

import numpy as np

from bmi_dmx import Component

RUNOFF = "land_surface_water__runoff_depth"
HOURLY = {"time_step": "hourly", "units": "ngen"}

# Names and units of the framework.
TWO = {
    "atmosphere_water__liquid_equivalent_precipitation_rate": "mm h-1",
    "land_surface_air__temperature": "degC",
}
EIGHT = {
    **TWO,
    "atmosphere_air_water~vapor__relative_saturation": "kg kg-1",
    "land_surface_radiation~incoming~longwave__energy_flux": "W m-2",
    "land_surface_radiation~incoming~shortwave__energy_flux": "W m-2",
    "land_surface_air__pressure": "Pa",
    "land_surface_wind__x_component_of_velocity": "m s-1",
    "land_surface_wind__y_component_of_velocity": "m s-1",
}
VALUES = dict(
    zip(EIGHT, (0.5, 12.0, 0.006, 320.0, 250.0, 95000.0, 1.0, -2.0), strict=True)
)


def step(model: Any, values: dict[str, float], columns: tuple[str, ...]) -> list[float]:
    """Do what the framework does in one step; return what it writes."""
    now = model.get_current_time()
    model.get_end_time()
    assert model.get_current_time() == now
    assert model.get_input_item_count() == len(model.get_input_var_names())
    for name in model.get_input_var_names():
        model.get_var_itemsize(name)
        model.get_var_units(name)
        model.get_var_type(name)
        items = model.get_var_nbytes(name) // model.get_var_itemsize(name)
        array = np.full(items, values[name], model.get_var_type(name))
        model.get_var_type(name)
        model.get_var_nbytes(name)
        model.get_var_itemsize(name)
        model.set_value(name, array)
    assert model.get_time_step() == 3600.0
    model.update()
    row = []
    for name in columns:
        assert model.get_output_item_count() == len(model.get_output_var_names())
        assert name in model.get_output_var_names()
        for _ in range(2):
            model.get_var_type(name)
            model.get_var_itemsize(name)
        assert model.get_input_item_count() == len(model.get_input_var_names())
        dest = np.zeros(1, model.get_var_type(name))
        model.get_value_at_indices(name, dest, np.zeros(1, np.int32))
        model.get_var_units(name)
        row.append(float(dest[0]))
    return row


def parameterized(model: Component, values: dict[str, float]) -> None:
    """Set ``model_params`` as the framework does: in order of the alphabet."""
    for name in sorted(values):
        size = model.get_var_nbytes(name) // model.get_var_itemsize(name)
        assert model.get_var_type(name) == "float64"
        model.set_value(name, np.full(size, values[name]))
