"""Runs of δMG with random weights, and what they give, restated in double precision."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import torch

from bmi_dmx.config import as_yaml
from tests.models.hydrology.test_hbv_restated import restated_day

HIDDEN, MEMBERS = 6, 3
FORCINGS = ["prcp", "tmean", "pet"]
ATTRIBUTES = ["p_mean", "area_gages2", "elev_mean", "sand_frac"]
BOUNDS = {
    "beta": (1, 6), "fc": (50, 1000), "k0": (0.05, 0.9), "k1": (0.01, 0.5),
    "k2": (0.001, 0.2), "lp": (0.2, 1), "perc": (0, 10), "uzl": (0, 100),
    "tt": (-2.5, 2.5), "cfmax": (0.5, 10), "cfr": (0, 0.1), "cwh": (0, 0.2),
    "betaet": (0.3, 5), "c": (0, 1),
}  # fmt: skip
"""As published, in the order of the channels."""

CHANNELS = {"Hbv": 13, "Hbv_1_1p": 14}
CHANGING = {"Hbv": ["beta", "betaet"], "Hbv_1_1p": ["beta", "k0", "betaet"]}
LOGARITHMIC = {"Hbv": ["prcp"], "Hbv_1_1p": []}
STATISTICS = {
    "prcp": [0.0, 9.0, 3.0, 7.0], "tmean": [-5.0, 22.0, 9.0, 10.0],
    "pet": [0.3, 5.0, 2.4, 1.8], "p_mean": [1.5, 5.0, 3.3, 1.4],
    "area_gages2": [60.0, 2000.0, 800.0, 1700.0],
    "elev_mean": [100.0, 2000.0, 760.0, 780.0],
    "sand_frac": [20.0, 60.0, 37.0, 16.0], "streamflow": [-0.2, 0.4, 0.1, 0.3],
}  # fmt: skip
LOG_PRECIPITATION = [-1.0, 0.5, -0.35, 0.6]


def configuration(name: str = "Hbv_1_1p") -> dict[str, Any]:
    """Return a file in the layout of release 1.5."""
    return {
        "defaults": ["_self_", {"hydra": "settings"}, {"observations": "camels_531"}],
        "name": "${model.nn.name}-${model.phy.name}",
        "mode": "train", "seed": 111111, "cache_states": False, "device": "cuda",
        "gpu_id": 0, "data_loader": "HydroLoader", "data_sampler": "HydroSampler",
        "trainer": "Trainer", "model_dir": "./path/to/your/model/",
        "train": {
            "start_time": "1999/10/01", "end_time": "2008/09/30",
            "target": ["streamflow"], "optimizer": {"name": "Adadelta"}, "lr": 1.0,
            "lr_scheduler": {"name": "none", "step_size": 10, "gamma": 0.5},
            "loss_function": {"name": "NseBatchLoss"}, "batch_size": 100,
            "epochs": 100, "start_epoch": 0, "save_epoch": 5,
        },
        "test": {
            "start_time": "1989/10/01", "end_time": "1999/09/30", "batch_size": 25,
            "test_epoch": 50,
        },
        "sim": {"start_time": "1989/10/01", "end_time": "1999/09/30", "batch_size": 25},
        "model": {
            "rho": 30, "warmup": 365, "use_log_norm": LOGARITHMIC[name],
            "phy": {
                "name": [name], "nmul": MEMBERS, "warmup_states": name == "Hbv",
                "dy_drop": 0.0, "routing": True, "nearzero": 1e-5,
                "dynamic_params": {
                    name: [f"par{p.upper()}" for p in CHANGING[name]]
                },
                "forcings": FORCINGS, "attributes": [],
            },
            "nn": {
                "name": "CudnnLstmModel", "dropout": 0.5, "hidden_size": HIDDEN,
                "forcings": FORCINGS, "attributes": ATTRIBUTES,
            },
        },
    }  # fmt: skip


def random_weights(outputs: int, seed: int = 0) -> dict[str, torch.Tensor]:
    """Return arrays by the names that the framework gives them."""
    inputs = len(FORCINGS) + len(ATTRIBUTES)
    shapes = {
        "linear_in.weight": (HIDDEN, inputs), "linear_in.bias": (HIDDEN,),
        "lstm.w_ih": (4 * HIDDEN, HIDDEN), "lstm.w_hh": (4 * HIDDEN, HIDDEN),
        "lstm.b_ih": (4 * HIDDEN,), "lstm.b_hh": (4 * HIDDEN,),
        "linear_out.weight": (outputs, HIDDEN), "linear_out.bias": (outputs,),
    }  # fmt: skip
    drawn = torch.Generator().manual_seed(seed)
    return {
        f"nn_model.{name}": torch.randn(shape, generator=drawn)
        for name, shape in shapes.items()
    }


def write_run(folder: Path, name: str = "Hbv_1_1p", **phy: Any) -> Path:
    """Write the folder of a run; ``phy`` replaces keys of ``model.phy``."""
    folder.mkdir(parents=True, exist_ok=True)
    settings = configuration(name)
    settings["model"]["phy"] |= phy
    (folder / "config.yaml").write_text(as_yaml(settings), encoding="utf-8")
    routed = 2 * settings["model"]["phy"]["routing"]
    kept = settings["model"]["phy"]["dynamic_params"][name]
    absent = name == "Hbv" and "parBETAET" not in kept
    outputs = (CHANNELS[name] - absent) * MEMBERS + routed
    torch.save(random_weights(outputs), folder / f"{name.lower()}_ep50.pt")
    logarithmic = {"prcp": LOG_PRECIPITATION} if LOGARITHMIC[name] else {}
    text = json.dumps({**STATISTICS, **logarithmic}, indent=4)
    (folder / "normalization_statistics.json").write_text(text, encoding="utf-8")
    return folder


def weather(days: int = 70, places: int = 2) -> tuple[np.ndarray, np.ndarray]:
    """Return prcp, tmean and pet, (day, place, 3), and attributes, (place, 4)."""
    rng = np.random.default_rng(3)
    rain = rng.exponential(20.0, (days, places)) * (rng.random((days, places)) < 0.5)
    warmth = rng.normal(3.0, 6.0, (days, places))
    demand = rng.uniform(0.2, 4.0, (days, places))
    spread = rng.normal(0.0, 1.0, (places, len(ATTRIBUTES)))
    moments = np.array([STATISTICS[name][2:] for name in ATTRIBUTES])
    attributes = np.abs(moments[:, 0] + 0.4 * spread * moments[:, 1])
    return np.stack([rain, warmth, demand], -1), attributes


def restated_network(folder: Path, name: str, x: np.ndarray, a: np.ndarray) -> Any:
    """Return shares of the bounds, (day, place, channel), day by day in NumPy."""
    stored = torch.load(folder / f"{name.lower()}_ep50.pt", weights_only=True)
    w = {n.removeprefix("nn_model."): v.double().numpy() for n, v in stored.items()}
    columns = [*FORCINGS, *ATTRIBUTES]
    moments = dict(STATISTICS)
    x = np.concatenate([x, np.broadcast_to(a, (*x.shape[:2], a.shape[1]))], -1)
    if LOGARITHMIC[name]:
        x[..., 0] = np.log10(np.sqrt(x[..., 0]) + 0.1)
        moments["prcp"] = LOG_PRECIPITATION
    mean, std = np.array([moments[c][2:] for c in columns]).T
    x = (x - mean) / std
    hidden = cell = np.zeros((x.shape[1], HIDDEN))
    answers = []
    for day in x:
        inner = np.maximum(day @ w["linear_in.weight"].T + w["linear_in.bias"], 0.0)
        gates = inner @ w["lstm.w_ih"].T + hidden @ w["lstm.w_hh"].T
        gates = gates + w["lstm.b_ih"] + w["lstm.b_hh"]
        enters, stays, new, leaves = np.split(gates, 4, -1)
        cell = sigmoid(stays) * cell + sigmoid(enters) * np.tanh(new)
        hidden = sigmoid(leaves) * np.tanh(cell)
        answers.append(hidden @ w["linear_out.weight"].T + w["linear_out.bias"])
    return sigmoid(np.array(answers))


def sigmoid(x: np.ndarray) -> np.ndarray:
    return 1.0 / (1.0 + np.exp(-x))


def settled(name: str, share: np.ndarray, over: int) -> np.ndarray:
    """Return shares of which those of constants are means of what came so far."""
    logits = np.log(share / (1.0 - share))
    own = np.repeat(list(BOUNDS)[: CHANNELS[name]], MEMBERS)
    names = [*own.tolist(), "a", "b"]
    for channel, parameter in enumerate(names):
        if parameter in CHANGING[name]:
            continue
        mean = np.zeros(share.shape[1])
        for day, answer in enumerate(logits[..., channel]):
            mean = mean + (answer - mean) / min(day + 1, over)
            logits[day, :, channel] = mean
    return sigmoid(logits)


def restated_flow(
    folder: Path,
    name: str,
    x: np.ndarray,
    a: np.ndarray,
    read_at: Any,
    over: int | None = None,
) -> np.ndarray:
    """Return the flow of all days, (day, place), in mm per day.

    ``read_at`` says of which day a parameter is, from the day and the parameter's name;
    constants settle ``over`` days where it is given.
    """
    share = restated_network(folder, name, x, a)
    share = share if over is None else settled(name, share, over)
    days, places = share.shape[:2]
    names = list(BOUNDS)[: CHANNELS[name]]
    low, high = np.array([BOUNDS[n] for n in names]).T[..., None]
    within = share[..., :-2].reshape(days, places, len(names), MEMBERS)
    values = low + (high - low) * within
    routing = share[..., -2:] * np.array([2.9, 6.5])
    flow = np.zeros((days + 15, places))
    for place in range(places):
        stores = [(0.001,) * 5] * MEMBERS
        for day in range(days):
            runoff = 0.0
            for m in range(MEMBERS):
                p = {
                    n: values[read_at(day, n), place, k, m] for k, n in enumerate(names)
                }
                stores[m], one = restated_day(stores[m], x[day, place], p, 0.0, 1e-5)
                runoff += one / MEMBERS
            flow[day : day + 15, place] += runoff * hydrograph(
                *routing[read_at(day, "routing"), place]
            )
    return flow[:days]


def hydrograph(a: float, b: float) -> np.ndarray:
    """Return what arrives on the same day and the 14 days after it."""
    time = np.arange(15) + 0.5
    weight = time ** (a + 0.1 - 1.0) * np.exp(-time / (b + 0.5))
    return np.asarray(weight / weight.sum())
