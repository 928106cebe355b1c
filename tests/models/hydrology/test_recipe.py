"""The recipe δHBV: defaults, the parts it stands for, and refusals."""

from __future__ import annotations

import pytest

from bmi_dmx.compose import Model, ModelSpec, Moments, Statistics
from bmi_dmx.conversion import convert, plain
from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.hbv import Hbv, Hbv11p
from bmi_dmx.models.hydrology.hbv20 import Hbv20
from bmi_dmx.models.hydrology.recipe import Dhbv
from bmi_dmx.models.hydrology.unit_hydrograph import UnitHydrograph
from bmi_dmx.registries import networks

BLOCK = {
    "process": "hbv11p",
    "members": 4,
    "evaporation": "oudin",
    "static": {"attributes": ["aridity", "p_mean"], "hidden": [16, 16], "dropout": 0.2},
    "dynamic": {
        "parameters": ["k0", "beta"],
        "forcings": ["precipitation"],
        "attributes": ["p_mean", "area_km2"],
    },
}


def changed(**changes):
    """Return the block with some keys, written with two underscores, changed."""
    block = {k: dict(v) if isinstance(v, dict) else v for k, v in BLOCK.items()}
    for key, value in changes.items():
        outer, _, inner = key.partition("__")
        if inner:
            block[outer][inner] = value
        else:
            block[outer] = value
    return block


def test_a_block_becomes_a_specification():
    spec = convert(BLOCK, ModelSpec)
    assert spec.network_attributes == ("aridity", "p_mean", "area_km2")
    assert spec.network_inputs == (*spec.network_attributes, "precipitation")
    assert spec.settings.routing == "gamma"
    assert spec.seconds == 86400.0
    assert spec.answers == ("streamflow",)
    assert spec.system == "hydrology"


def test_parts_run_in_the_order_of_the_water():
    parts = convert(BLOCK, ModelSpec).parts
    assert {name: part.process or part.network for name, part in parts.items()} == {
        "static": "mlp",
        "evaporation": "oudin",
        "dynamic": "lstm",
        "land": "hbv11p",
        "outlet": "unit_hydrograph",
        "volume": "depth_to_volume",
    }
    assert parts["land"].members == 4
    assert parts["static"].gives[-2:] == ("routing_a", "routing_b")
    assert parts["static"].options["dropout"] == 0.2
    assert (parts["static"].when, parts["dynamic"].when) == ("once", "trained")


def test_evaporation_and_routing_are_parts_where_they_are_wanted():
    block = changed(evaporation="given", routing="none", dynamic=None)
    parts = convert(block, ModelSpec).parts
    assert list(parts) == ["static", "land", "outlet", "volume"]
    assert parts["outlet"].process == "direct_outlet"
    assert "routing_a" not in parts["static"].gives


def test_a_lag_is_learned_where_the_way_has_one():
    parts = convert(changed(routing="lagged"), ModelSpec).parts
    assert parts["outlet"].process == "lagged_unit_hydrograph"
    assert parts["static"].gives[-3:] == ("routing_a", "routing_b", "routing_lag")


def test_what_was_written_is_written_again():
    spec = convert(BLOCK, ModelSpec)
    again = plain(spec)
    assert again["recipe"] == "dhbv"
    assert again["static"]["hidden"] == [16, 16]
    assert convert(again, ModelSpec) == spec


def test_all_parameters_that_are_not_dynamic_are_static_in_declared_order():
    static, dynamic = convert(BLOCK, Dhbv).split(Hbv11p.parameters)
    assert dynamic == ["beta", "k0"]
    assert static == [p.name for p in Hbv11p.parameters if p.name not in dynamic]


def test_parameters_with_defaults_may_be_left_out():
    names = [p.name for p in Hbv.parameters if p.name not in ("betaet", "k0", "beta")]
    spec = convert(changed(static__parameters=names[::-1]), Dhbv)
    assert spec.split(Hbv.parameters)[0] == names


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"static__parameters": ["lp"]}, r"'fc' of 'hbv11p' has no default"),
        ({"static__parameters": ["beta"]}, r"static\.parameters: 'beta' is dynamic"),
        (
            {"static__parameters": ["betae"]},
            r"static\.parameters: unknown 'betae'.*'betaet'",
        ),
        ({"dynamic__parameters": ["k9"]}, r"dynamic\.parameters: unknown 'k9'"),
    ],
)
def test_parameters_must_be_those_of_the_process(changes, message):
    with pytest.raises(ConfigError, match=message):
        convert(changed(**changes), ModelSpec)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"members": 0}, r"members: expected at least 1, found 0"),
        ({"static__dropout": 1.0}, r"static\.dropout: expected 0 to below 1"),
        ({"static__hidden": [8, 0]}, r"static\.hidden: expected at least 1, found 0"),
        ({"dynamic__hidden": 0}, r"dynamic\.hidden: expected at least 1"),
        ({"static__attributes": []}, r"static\.attributes: expected at least one"),
        ({"dynamic__forcings": []}, r"dynamic\.forcings: expected at least one"),
        ({"dynamic__parameters": ["k0", "k0"]}, r"'k0' is listed twice"),
        ({"routing": "gama"}, r"routing: unknown value 'gama'.*'gamma'"),
        ({"time_step": "weekly"}, r"time_step: unknown value 'weekly'"),
        (
            {"transforms": {"aridty": "log"}},
            r"transforms: 'aridty' is no input.*'aridity'",
        ),
        ({"transforms": {"aridity": "ln"}}, r"transforms\.aridity: unknown value 'ln'"),
        ({"menbers": 3}, r"menbers: unknown key; did you mean 'members'"),
        ({"recipe": "dbhv"}, r"recipe: unknown 'dbhv'; did you mean 'dhbv'"),
    ],
)
def test_values_out_of_range_are_refused_by_key(changes, message):
    with pytest.raises(ConfigError, match=rf"^experiment\.yaml: model.*{message}"):
        convert(changed(**changes), ModelSpec, "experiment.yaml: model")


@pytest.mark.parametrize(
    ("chosen", "options"),
    [
        ({}, {}),
        ({"hidden": 4}, {"hidden": 4}),
        ({"hidden": 4, "dropout": 0.0}, {"hidden": 4}),
    ],
)
def test_another_network_has_defaults_of_its_own(chosen, options):
    block = changed(static={"network": "kan", "attributes": ["aridity"], **chosen})
    part = convert(block, ModelSpec).parts["static"]
    assert (part.network, part.options) == ("kan", options)


def test_what_another_network_does_not_offer_is_refused():
    block = changed(static={"network": "kan", "attributes": ["aridity"]})
    block["static"]["dropout"] = 0.5
    part = convert(block, ModelSpec).parts["static"]
    with pytest.raises(ConfigError, match="dropout: unknown key"):
        networks[part.network].make(1, 1, part.options)


def test_constant_parameters_serve_any_step_and_dynamic_ones_their_own():
    dynamic = convert(changed(time_step="hourly"), ModelSpec)
    assert dynamic.lengths == (3600.0,)
    static = convert({**BLOCK, "dynamic": None}, ModelSpec)
    assert static.lengths == (86400.0, 3600.0)


def test_options_of_the_process_and_other_names_of_its_inputs_are_those_of_its_part():
    options = {"elevation_threshold": True, "snow_transition": 1.0}
    reads = {"drainage_area_km2": "area_km2"}
    block = changed(process="hbv20", process_options=options, reads=reads)
    land = convert(block, ModelSpec).parts["land"]
    assert (land.options, land.reads) == (options, reads)
    model = made(convert(block, ModelSpec))
    assert model.processes["land"].options.snow_transition == 1.0
    attributes = {a.name for a in model.plan.attributes}
    assert {"area_km2", "elevation_mean"} <= attributes
    assert "drainage_area_km2" not in attributes


def test_known_properties_of_places_are_learned_by_name_alone():
    parameters = Hbv20.parameters
    static, _ = convert(changed(process="hbv20"), Dhbv).split(parameters)
    assert {"rt", "ac"} <= set(static)
    assert "drainage_area_km2" not in static
    names = [*static, "drainage_area_km2"]
    block = changed(process="hbv20", static__parameters=names)
    assert "drainage_area_km2" in convert(block, Dhbv).split(parameters)[0]


def test_a_process_without_exchange_has_no_parameters_of_it():
    block = changed(process="hbv20", process_options={"exchange": False})
    assert not {"rt", "ac"} & set(convert(block, ModelSpec).parts["static"].gives)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"process_options": {"snow_transiton": 1.0}},
            r"process_options: Hbv11p: options: snow_transiton: unknown key; did you "
            r"mean 'snow_transition'",
        ),
        (
            {"process_options": {"snow_transition": -1.0}},
            r"snow_transition: expected 0 to 20 degC, found -1",
        ),
        ({"dynamic__drop": 2.0}, r"dynamic\.drop: expected 0 to 1, found 2"),
    ],
)
def test_options_are_refused_by_name(changes, message):
    with pytest.raises(ConfigError, match=message):
        convert(changed(**changes), ModelSpec)


def test_an_unknown_input_is_refused_when_the_model_is_made():
    spec = convert(changed(reads={"drainage_area": "area_km2"}), ModelSpec)
    with pytest.raises(ConfigError, match=r"land: reads: unknown 'drainage_area"):
        made(spec)


def made(spec):
    statistics = {name: Moments(0.0, 1.0) for name in spec.network_inputs}
    return Model(spec, Statistics(statistics))


@pytest.mark.parametrize("days", [15.0, 3.0])
def test_the_hydrograph_lasts_its_days_at_any_step(days):
    process = UnitHydrograph({"days": days})
    for steps in (1, 8, 24):
        (weight,) = process.at(1.0 / steps).prepared
        assert weight.size == days * steps
    message = rf"steps of .* do not fill the {days:g} days"
    for dt in (0.7, days, 0.0, -1.0, float("nan")):
        with pytest.raises(ConfigError, match=message):
            process.at(dt)


def test_corrections_stand_between_the_weather_and_the_land():
    block = changed(evaporation_coefficient=True, snow_correction=True)
    parts = convert(block, ModelSpec).parts
    assert list(parts)[:4] == ["static", "evaporation", "demand", "undercatch"]
    assert {"kc", "kc_sine", "kc_cosine", "sfcf"} <= set(parts["static"].gives)
    assert parts["land"].reads == {
        "potential_evaporation": "evaporative_demand",
        "precipitation": "corrected_precipitation",
    }
