"""SAC-SMA: against a restatement of its accounting, and in limiting cases."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.models.hydrology.after_snow import SacSmaSnow17
from bmi_dmx.models.hydrology.sac_sma import SacSma

STORES = tuple(state.name for state in SacSma.states)


class Account:
    """The accounting of one place in plain numbers, with the names of the source."""

    def __init__(self, p):
        self.__dict__.update(p)
        self.uztwc = self.uzfwc = self.lztwc = self.lzfsc = self.lzfpc = 0.0
        self.adimc = 0.0

    def evaporate(self, edmnd):
        e1 = edmnd * self.uztwc / self.uztwm
        e2 = 0.0
        self.uztwc -= e1
        red = edmnd - e1
        if self.uztwc < 0.0:
            e1 += self.uztwc
            self.uztwc = 0.0
            red = edmnd - e1
            e2 = min(red, self.uzfwc)
            self.uzfwc -= e2
            red -= e2
        if self.uztwc / self.uztwm < self.uzfwc / self.uzfwm:
            uzrat = (self.uztwc + self.uzfwc) / (self.uztwm + self.uzfwm)
            self.uztwc, self.uzfwc = uzrat * self.uztwm, uzrat * self.uzfwm
        e3 = min(red * self.lztwc / (self.uztwm + self.lztwm), self.lztwc)
        self.lztwc -= e3
        saved = 0.3 * (self.lzfpm + self.lzfsm)
        ratlzt = self.lztwc / self.lztwm
        ratlz = (self.lztwc + self.lzfpc + self.lzfsc - saved) / (
            self.lztwm + self.lzfpm + self.lzfsm - saved
        )
        if ratlzt < ratlz:
            moved = (ratlz - ratlzt) * self.lztwm
            self.lztwc += moved
            self.lzfsc -= moved
            if self.lzfsc < 0.0:
                self.lzfpc += self.lzfsc
                self.lzfsc = 0.0
        e5 = e1 + (red + e2) * (self.adimc - e1 - self.uztwc) / (
            self.uztwm + self.lztwm
        )
        e5 = max(min(e5, self.adimc), 0.0)
        self.adimc -= e5
        return e1 + e2 + e3, e5

    def percolate(self, dlzp, dlzs):
        lower = self.lztwc + self.lzfpc + self.lzfsc
        full = self.lztwm + self.lzfpm + self.lzfsm
        defr = max(1.0 - lower / full, 1e-6)
        percm = self.lzfpm * dlzp + self.lzfsm * dlzs
        perc = percm * self.uzfwc / self.uzfwm * (1.0 + self.zperc * defr**self.rexp)
        perc = min(perc, self.uzfwc)
        perc -= max(lower + perc - full, 0.0)
        self.uzfwc -= perc
        return max(perc, 0.0)

    def share(self, perc):
        perct = perc * (1.0 - self.pfree)
        percf = max(self.lztwc + perct - self.lztwm, 0.0)
        self.lztwc = min(self.lztwc + perct, self.lztwm)
        percf += perc * self.pfree
        if percf == 0.0:
            return
        hpl = self.lzfpm / (self.lzfpm + self.lzfsm)
        dry_p = max(1.0 - self.lzfpc / self.lzfpm, 1e-6)
        dry_s = max(1.0 - self.lzfsc / self.lzfsm, 1e-6)
        percs = percf * (1.0 - min(hpl * 2.0 * dry_p / (dry_p + dry_s), 1.0))
        percs = min(percs, self.lzfsm - self.lzfsc)
        self.lzfsc += percs
        self.lzfpc += percf - percs
        excess = max(self.lzfpc - self.lzfpm, 0.0)
        self.lztwc += excess
        self.lzfpc -= excess

    def day(self, pxv, edmnd, ninc):
        eused, e5 = self.evaporate(edmnd)
        twx = max(pxv + self.uztwc - self.uztwm, 0.0)
        self.uztwc += pxv - twx
        self.adimc += pxv - twx
        pinc = twx / ninc
        duz, dlzp, dlzs = (
            1.0 - (1.0 - k) ** (1.0 / ninc) for k in (self.uzk, self.lzpk, self.lzsk)
        )
        parea = 1.0 - self.adimp - self.pctim
        sdro = ssur = sif = sbf = 0.0
        for _ in range(ninc):
            ratio = max((self.adimc - self.uztwc) / self.lztwm, 0.0)
            addro = pinc * ratio**2
            for name, rate in (("lzfpc", dlzp), ("lzfsc", dlzs)):
                bf = getattr(self, name) * rate
                setattr(self, name, getattr(self, name) - bf)
                sbf += bf * parea
            perc = self.percolate(dlzp, dlzs)
            inter = self.uzfwc * duz
            sif += inter * parea
            self.uzfwc -= inter
            self.share(perc)
            sur = max(pinc + self.uzfwc - self.uzfwm, 0.0)
            self.uzfwc += pinc - sur
            adsur = sur * (1.0 - ratio**2)
            ssur += sur * parea + adsur * self.adimp
            self.adimc += pinc - addro - adsur
            over = max(self.adimc - self.uztwm - self.lztwm, 0.0)
            self.adimc -= over
            sdro += (addro + over) * self.adimp
        tci = pxv * self.pctim + sdro + ssur + sif + sbf
        e4 = min((edmnd - eused) * self.riva, tci)
        return tci - e4, eused * parea + e5 * self.adimp + e4

    def stores(self):
        parea = 1.0 - self.adimp - self.pctim
        soil = (self.uztwc, self.uzfwc, self.lztwc, self.lzfsc, self.lzfpc)
        return [*(x * parea for x in soil), self.adimc * self.adimp]


@pytest.mark.parametrize("regime", ["humid", "storm", "drought"])
@pytest.mark.parametrize("increments", [1, 5])
def test_a_year_of_weather(regime, increments, run, parameters, weather):
    forcing = weather(regime, 1, 365, 5)
    del forcing["air_temperature"]
    process = SacSma({"increments": increments})
    drawn = parameters(process, 2, 5, corners=0.1)
    result = run(process, None, forcing, drawn, outputs=["runoff", "evaporation"])
    for place in range(5):
        account = Account({n: x[place, 0].item() for n, x in drawn.items()})
        days = torch.stack([x[:, place] for x in forcing.values()], 1).tolist()
        expected = np.array([account.day(*day, increments) for day in days])
        series = torch.stack([x[:, place, 0] for x in result.outputs.values()], 1)
        np.testing.assert_allclose(series, expected, rtol=1e-9, atol=1e-10)
        final = [result.state[n][place, 0] for n in STORES]
        np.testing.assert_allclose(final, account.stores(), rtol=1e-9, atol=1e-10)


def middle():
    def of(p):
        low, high = p.bounds
        return (low * high) ** 0.5 if p.spacing == "log" else (low + high) / 2

    return {p.name: of(p) for p in SacSma.parameters}


def driven(run, days, start=None, outputs=("runoff",), dt=1.0, **weather):
    forcing = {"precipitation": 0.0, "potential_evaporation": 0.0} | weather
    double = torch.float64
    forcing = {n: torch.full((days, 1), x, dtype=double) for n, x in forcing.items()}
    start = {n: 0.0 for n in STORES} | (start or {})
    full = {n: torch.full((1, 1), x, dtype=double) for n, x in start.items()}
    return run(SacSma(), full, forcing, middle(), outputs=outputs, dt=dt)


def test_stores_stay_within_their_capacities(run, parameters, weather):
    forcing = weather("storm", 7, 300, 20)
    del forcing["air_temperature"]
    drawn = parameters(SacSma(), 8, 20, corners=0.2)
    stores = run(SacSma(), None, forcing, drawn, outputs=STORES).outputs
    soil = 1.0 - drawn["pctim"] - drawn["adimp"]
    column = drawn["uztwm"] + drawn["lztwm"]
    most = {
        "upper_tension": soil * drawn["uztwm"], "upper_free": soil * drawn["uzfwm"],
        "lower_tension": soil * drawn["lztwm"],
        "lower_supplementary": soil * drawn["lzfsm"],
        "lower_primary": soil * drawn["lzfpm"], "saturating": drawn["adimp"] * column,
    }  # fmt: skip
    for name, capacity in most.items():
        assert (stores[name] >= 0.0).all(), name
        assert (stores[name] <= capacity * (1.0 + 1e-9) + 1e-9).all(), name


def test_a_dry_upper_zone_lets_only_impervious_ground_run_off(run):
    p = middle()
    outputs = ("runoff", "direct_runoff")
    fluxes = driven(run, 1, precipitation=5.0, outputs=outputs).outputs
    assert fluxes["runoff"].item() == pytest.approx(5.0 * p["pctim"])
    assert fluxes["direct_runoff"].item() == fluxes["runoff"].item()


def test_lower_free_water_recedes_at_the_same_rate_at_any_step(run):
    p = middle()
    # Tension water is full, so that nothing refills it.
    soil = 1.0 - p["pctim"] - p["adimp"]
    start = {"lower_primary": 20.0, "lower_tension": soil * p["lztwm"]}
    for steps in (1, 4, 24):
        state = driven(run, 10 * steps, start, dt=1 / steps).state
        expected = 20.0 * (1 - p["lzpk"]) ** 10
        assert state["lower_primary"].item() == pytest.approx(expected, rel=1e-10)


def test_vegetation_along_streams_takes_from_the_flow(run):
    start = {"lower_primary": 100.0, "lower_tension": 1.0}
    outputs = ("runoff", "baseflow", "riparian_evaporation")
    fluxes = driven(run, 1, start, outputs, potential_evaporation=3.0).outputs
    uptake = fluxes["riparian_evaporation"].item()
    assert uptake > 0.0
    assert fluxes["runoff"].item() == pytest.approx(fluxes["baseflow"].item() - uptake)


@pytest.mark.parametrize(
    "process",
    [SacSma({"increments": 2}), SacSmaSnow17({"increments": 1})],
    ids=lambda p: p.name,
)
def test_gradients_are_those_of_differences(process, run, parameters, weather):
    forcing = weather("humid", 5, 8, 2)
    forcing["day_of_year"] = torch.arange(60.0, 68.0).double()[:, None].expand(8, 2)
    forcing = {f.name: forcing[f.name] for f in process.forcings}
    drawn = parameters(process, 6, 2)
    start = {
        s.name: torch.full((2, 1), 8.0 if s.bounds[1] > 0.0 else -2.0).double()
        for s in process.states
    }
    names = [p.name for p in process.parameters if p.source == "network"]
    # Where it freezes is a jump.
    names = [n for n in names if n != "pxtemp"]

    def runoff(*values):
        coefficients = {**drawn, **dict(zip(names, values, strict=True))}
        flow = run(process, start, forcing, coefficients, outputs=["runoff"])
        return (flow.outputs["runoff"] * torch.linspace(0.5, 1.5, 8).double()[
            :, None, None]).sum(0)  # fmt: skip

    values = [drawn[n].requires_grad_() for n in names]
    assert torch.autograd.gradcheck(runoff, values, eps=1e-7, atol=1e-5, rtol=1e-3)


def test_a_wrong_number_of_increments_is_refused():
    with pytest.raises(ConfigError, match="increments: expected 1 to 24, found 0"):
        SacSma({"increments": 0})
