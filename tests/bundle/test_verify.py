"""Parts that do not fit each other are refused by name, with right hashes too."""

from __future__ import annotations

import numpy as np
import pytest

from .river import change_programs, change_weights, edit, refused, sign


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: d["model"].update(members=5),
            r"p\.beta' has shape \(1, 3\).*\(1, 5\)",
        ),
        (
            lambda d: d["model"].pop("dynamic"),
            r"model: transforms: 'precipitation' is no input",
        ),
        (lambda d: d["model"].update(routing="none"), r"routing"),
        (lambda d: d["statistics"].pop("aridity"), r"statistics 'aridity' is missing"),
        (
            lambda d: d["statistics"]["aridity"].update(mean=9.0),
            r"statistics: aridity: mean is 9\.0, array 'static\.normalize\.mean' holds",
        ),
        (
            lambda d: d["weights"]["static.network.output.bias"].update(shape=[3]),
            r"'static\.network\.output\.bias' is float32\(38,\), expected .*\(3,\)",
        ),
        (
            lambda d: d["variables"]["process"]["parameters"][1].update(bounds=[1, 2]),
            r"static: output 'p\.fc' is .* outside its bounds 1\.0 to 2\.0",
        ),
        (lambda d: d["variables"].pop("routing"), r"variables: routing: missing"),
        (lambda d: d["model"]["static"].update(parameters=["fc"]), r"has no default"),
    ],
)
def test_a_manifest_that_does_not_fit_the_rest_is_refused(folder, change, message):
    edit(folder, change)
    sign(folder)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda w: w.update(extra=np.zeros(2, np.float32)),
            r"unexpected .*weights\.safetensors: array 'extra'",
        ),
        (
            lambda w: w.pop("static.network.output.bias"),
            r"array 'static\.network\.output\.bias' is missing",
        ),
        (
            lambda w: w.update({"static.normalize.mean": np.zeros(2)}),
            r"'static\.normalize\.mean' is float64\(2,\), expected float32\(2,\)",
        ),
        (
            lambda w: w["static.network.output.bias"].fill(np.inf),
            r"'static\.network\.output\.bias' has 38 of 38 values not finite",
        ),
    ],
)
def test_weights_that_do_not_fit_are_refused_by_name(folder, change, message):
    change_weights(folder, change)
    refused(folder, message)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.pop("process"), r"programs\.json: program 'process' is missing"),
        (lambda p: p.update(proces={**p["process"]}), r"unexpected .*program 'proces'"),
        (lambda p: p.update(process=[]), r"process: not a program"),
        (
            lambda p: p["process"]["instructions"][0].__setitem__(1, "system"),
            r"process: unknown operation 'system'",
        ),
        (
            lambda p: p["process"]["instructions"].pop(0),
            r"process: value 'v\d+' is used before assignment",
        ),
        (
            lambda p: p["process"]["instructions"][0][2].pop(),
            r"process: '\w+' with 1 arguments, expected 2",
        ),
        (
            lambda p: p["process"]["outputs"].pop("q.runoff"),
            r"process: output 'q\.runoff' is missing",
        ),
        (
            lambda p: p["static"]["inputs"].update({"w.static.other": "v999"}),
            r"unexpected .*static: input 'w\.static\.other'",
        ),
        (
            lambda p: p["static"]["outputs"].update({"p.fc": -1.0}),
            r"static: output 'p\.fc' has shape \(\)",
        ),
    ],
)
def test_programs_that_do_not_fit_are_refused_by_name(folder, change, message):
    change_programs(folder, change)
    refused(folder, message)
