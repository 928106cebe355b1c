"""Who gives an input: the one naming rule, over plain declarations."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from typing import Any

import pytest

from bmi_dmx.compose import Declarations, Part, plan
from bmi_dmx.compose.plan import Link
from bmi_dmx.errors import ConfigError
from bmi_dmx.process import Budget
from bmi_dmx.variables import Flux, Forcing, Parameter, State

HOUR = 3600.0


def process(name: str, **declared: Any) -> Part:
    keys = {"time", "members", "mean", "reads", "links", "coupling", "at"}
    settings = {key: declared.pop(key) for key in keys & declared.keys()}
    return Part(
        name=name, kind="process", variables=Declarations(**declared), **settings
    )


def network(name: str, **settings: Any) -> Part:
    return Part(name=name, kind="network", every="once", **settings)


SOURCE = process(
    "source", fluxes=(Flux(name="heat", units="W"), Flux(name="light", units="W"))
)
SINK = process(
    "sink",
    forcings=(Forcing(name="heat", units="W"),),
    parameters=(Parameter(name="loss", bounds=(0.0, 1.0)),),
    fluxes=(Flux(name="glow"),),
)


def test_a_forcing_nobody_gives_is_the_hosts() -> None:
    layout = plan([SINK], HOUR)
    assert layout.links["sink", "heat"] == Link("host", "heat")
    assert [f.name for f in layout.forcings] == ["heat"]


def test_an_earlier_part_gives_what_it_has() -> None:
    layout = plan([SOURCE, SINK], HOUR)
    assert layout.links["sink", "heat"] == Link("part", "heat", "source")
    assert layout.forcings == ()


def test_a_later_part_gives_nothing() -> None:
    layout = plan([SINK, SOURCE], HOUR)
    assert layout.links["sink", "heat"].giver == "host"


def test_the_nearest_of_two_parts_gives_it() -> None:
    other = replace(SOURCE, name="nearer")
    layout = plan([SOURCE, other, SINK], HOUR)
    assert layout.links["sink", "heat"].part == "nearer"
    assert layout.outputs["heat"][0].name == "nearer"
    layout = plan([SOURCE, other, replace(SINK, reads={"heat": "source.heat"})], HOUR)
    assert layout.links["sink", "heat"] == Link("part", "heat", "source")


def test_a_part_may_read_another_name() -> None:
    layout = plan([SOURCE, replace(SINK, reads={"heat": "light"})], HOUR)
    assert layout.links["sink", "heat"].name == "light"


def test_the_host_may_be_asked_by_another_name() -> None:
    layout = plan([replace(SINK, reads={"heat": "warmth"})], HOUR)
    assert layout.links["sink", "heat"] == Link("host", "warmth")
    assert [(f.name, f.units) for f in layout.forcings] == [("warmth", "W")]


def test_the_calendar_comes_from_the_clock_whoever_gives_its_name() -> None:
    dated = process("dated", forcings=(Forcing(name="hour", source="clock"),))
    giver = process("giver", fluxes=(Flux(name="hour"),))
    layout = plan([giver, dated], HOUR)
    assert layout.links["dated", "hour"] == Link("clock", "hour")
    assert [f.name for f in layout.forcings] == ["hour"]


def test_places_upstream_give_by_the_coupling() -> None:
    reach = process(
        "reach",
        coupling="upstream",
        links={"inflow": "outflow"},
        forcings=(Forcing(name="inflow"), Forcing(name="lateral")),
        fluxes=(Flux(name="outflow"),),
    )
    # An earlier part of that name is none of the places upstream.
    giver = process("giver", fluxes=(Flux(name="inflow"), Flux(name="lateral")))
    layout = plan([giver, reach], HOUR)
    assert layout.links["reach", "inflow"] == Link("upstream", "outflow", "reach")
    assert layout.links["reach", "lateral"].part == "giver"
    assert layout.forcings == ()


@pytest.mark.parametrize(
    ("parameter", "giver"),
    [
        (Parameter(name="loss", bounds=(0, 1)), "attribute"),
        (Parameter(name="loss", bounds=(0, 1), default=0.5), "default"),
        (Parameter(name="loss", default=0.5, source="attribute"), "attribute"),
    ],
)
def test_a_parameter_nobody_supplies_is_known_or_has_its_default(
    parameter: Parameter, giver: str
) -> None:
    layout = plan([process("sink", parameters=(parameter,))], HOUR)
    assert layout.links["sink", "loss"].giver == giver
    assert [a.name for a in layout.attributes] == ["loss"] * (giver == "attribute")


def test_a_network_supplies_parameters_of_later_parts() -> None:
    layout = plan([network("net", attributes=("size",), gives=("loss",)), SINK], HOUR)
    assert layout.links["sink", "loss"] == Link("part", "loss", "net")
    assert [a.name for a in layout.attributes] == ["size"]
    assert [(part.name, p.name) for part, p in layout.given()] == [("sink", "loss")]


def test_of_two_networks_the_nearest_supplies_it() -> None:
    nets = [network(n, attributes=("size",), gives=("loss",)) for n in ("far", "near")]
    with pytest.raises(ConfigError, match=r"^far\.gives: 'loss' is supplied by 'near'"):
        plan([*nets, SINK], HOUR)


def test_a_parameter_may_be_supplied_by_its_part_and_name() -> None:
    other = replace(SINK, name="other")
    net = network("net", attributes=("size",), gives=("other.loss",))
    layout = plan([net, SINK, other], HOUR)
    assert layout.links["sink", "loss"].giver == "attribute"
    assert layout.links["other", "loss"].part == "net"


def test_parts_may_look_for_parameters_under_other_names() -> None:
    other = replace(SINK, name="other", reads={"loss": "leak"})
    net = network("net", attributes=("size",), gives=("loss", "leak"))
    layout = plan([net, SINK, other], HOUR)
    assert layout.links["sink", "loss"] == Link("part", "loss", "net")
    assert layout.links["other", "loss"] == Link("part", "leak", "net")


def test_units_between_parts_are_converted() -> None:
    kilo = process("sink", forcings=(Forcing(name="heat", units="kW"),))
    layout = plan([SOURCE, kilo], HOUR)
    assert layout.links["sink", "heat"].factor == pytest.approx(1e-3, rel=1e-15)
    same = plan([SOURCE, SINK], HOUR)
    assert same.links["sink", "heat"].factor == 1.0


@pytest.mark.parametrize(
    ("units", "message"),
    [
        ("kg", r"^sink\.heat: units 'W' cannot be converted into 'kg'"),
        ("wat", r"^sink\.heat: .*'wat'"),
    ],
)
def test_units_that_do_not_fit_are_refused(units: str, message: str) -> None:
    wrong = process("sink", forcings=(Forcing(name="heat", units=units),))
    with pytest.raises(ConfigError, match=message):
        plan([SOURCE, wrong], HOUR)


def test_units_that_differ_by_more_than_a_factor_are_refused() -> None:
    warm = process("warm", fluxes=(Flux(name="temperature", units="degC"),))
    cold = process("cold", forcings=(Forcing(name="temperature", units="K"),))
    message = r"^cold\.temperature: 'degC' and 'K' differ by more than a factor"
    with pytest.raises(ConfigError, match=message):
        plan([warm, cold], HOUR)


def test_a_network_reads_a_flux_in_the_units_it_has() -> None:
    net = Part(
        name="net", kind="network", every="step", inputs=("heat",), gives=("loss",)
    )
    layout = plan([SOURCE, net, replace(SINK, reads={"heat": "glow"})], HOUR)
    assert layout.links["net", "heat"] == Link("part", "heat", "source")
    first = plan([net, SINK], HOUR)
    assert first.links["net", "heat"] == Link("host", "heat")


@pytest.mark.parametrize("members", [None, 2])
def test_members_that_are_handed_on_one_by_one_are_as_many(members: int | None) -> None:
    source = replace(SOURCE, members=3, mean=False)
    assert plan([source, replace(SINK, members=3)], HOUR)
    message = r"^sink\.heat: 'source' hands on its 3 members one by one, 'sink' has"
    with pytest.raises(ConfigError, match=message):
        plan([source, replace(SINK, members=members)], HOUR)


@pytest.mark.parametrize(
    ("parts", "message"),
    [
        ([SINK, SINK], r"^parts: 'sink' is there twice"),
        (
            [replace(SOURCE, coupling="stencil"), SINK],
            r"^parts: 'source' steps whole fields and 'sink' single places",
        ),
        (
            [network("net", attributes=("size",), gives=("los",)), SINK],
            r"^net\.gives: unknown 'los'; did you mean 'loss'",
        ),
        (
            [
                network("net", attributes=("size",), gives=("sink.loss", "other.loss")),
                SINK,
                replace(SINK, name="other"),
            ],
            r"^net\.gives: 'loss' is of several parts; supply them by a network each",
        ),
        (
            [SINK, network("net", attributes=("size",), gives=("loss",))],
            r"^net\.gives: 'loss' is of 'sink', which stands before the network",
        ),
        (
            [replace(network("net", inputs=("haet",), gives=("loss",))), SINK],
            r"^net\.forcings: unknown 'haet'; did you mean 'heat'",
        ),
    ],
)
def test_what_nobody_reads_or_gives_is_refused(parts: list[Part], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        plan(parts, HOUR)


def test_an_unknown_part_is_refused_with_the_nearest_name() -> None:
    layout = plan([SOURCE, SINK], HOUR)
    assert layout["sink"] is SINK
    with pytest.raises(ConfigError, match="no part 'snik'; did you mean 'sink'"):
        layout["snik"]


def test_what_is_declared_for_the_step_counts() -> None:
    at = {"600": Declarations(forcings=(Forcing(name="heat"), Forcing(name="cold")))}
    sink = process("sink", forcings=(Forcing(name="heat"),), at=at)
    assert [f.name for f in plan([sink], HOUR).forcings] == ["heat"]
    assert [f.name for f in plan([sink], 600.0).forcings] == ["heat", "cold"]


def test_places_may_lack_what_every_part_can_do_without() -> None:
    maybe = Parameter(name="age", source="attribute", optional=True)
    sure = Parameter(name="age", source="attribute")
    first = process("first", parameters=(maybe,))
    second = process("second", parameters=(sure,))
    assert plan([first], HOUR).optional == {"age"}
    assert plan([first, second], HOUR).optional == frozenset()
    reading = network("net", attributes=("age",), gives=("loss",))
    assert plan([reading, first, SINK], HOUR).optional == frozenset()


def test_what_one_part_hands_to_the_next_is_known_to_budgets() -> None:
    def balanced(part: Part, *sides: tuple[str, ...]) -> Part:
        budget = Budget(*sides, (), name="heat", units="J")
        return replace(part, variables=replace(part.variables, budgets=(budget,)))

    layout = plan(
        [balanced(SOURCE, (), ("heat",)), balanced(SINK, ("heat",), ("glow",))], HOUR
    )
    assert layout.exchanged == {"source.heat": "sink"}


def test_states_that_are_shown_can_be_recorded() -> None:
    states = (
        State(name="seen"), State(name="many", size=3),
        State(name="hidden", internal=True),
    )  # fmt: skip
    layout = plan([process("store", states=states)], HOUR)
    assert list(layout.outputs) == ["seen"]


def test_names_are_resolved_without_pytorch() -> None:
    code = (
        "import sys; from bmi_dmx.compose import Part, plan; "
        "plan([Part(name='a', kind='process')], 1.0); assert 'torch' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
