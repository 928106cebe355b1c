"""Parts that do not fit each other are refused by name, with right hashes too."""

from __future__ import annotations

import numpy as np
import pytest

from .river import change_programs, change_weights, edit, part, refused, sign


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            lambda d: part(d, "land").update(members=5),
            r"p\.beta' has shape \(1, 3\).*\(1, 5\)",
        ),
        (
            lambda d: d["parts"].remove(part(d, "dynamic")),
            r"unexpected .*statistics 'potential_evaporation'",
        ),
        (
            lambda d: d["parts"].remove(part(d, "outlet")),
            r"model\.yaml: static\.gives: unknown 'routing_a'",
        ),
        (
            lambda d: d["parts"].append(part(d, "land")),
            r"model\.yaml: parts: 'land' is there twice",
        ),
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
            lambda d: part(d, "land")["variables"]["parameters"][1].update(
                bounds=[1, 2]
            ),
            r"static: output 'p\.fc' is .* outside its bounds 1\.0 to 2\.0",
        ),
        (
            lambda d: part(d, "outlet").pop("variables"),
            r"static\.gives: unknown 'routing_a'",
        ),
        (
            lambda d: part(d, "static")["gives"].remove("fc"),
            r"unexpected .*static: output 'p\.fc'",
        ),
        (
            lambda d: part(d, "land").update(kind="proces"),
            r"parts\.\d\.kind: unknown value 'proces'; did you mean 'process'",
        ),
        (
            lambda d: d["steps"].append(7200.0),
            r"program 'outlet\.prepare@7200' is missing",
        ),
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
        (lambda p: p.pop("land"), r"programs\.json: program 'land' is missing"),
        (lambda p: p.update(lnd={**p["land"]}), r"unexpected .*program 'lnd'"),
        (lambda p: p.update(land=[]), r"land: not a program"),
        (
            lambda p: p["land"]["instructions"][0].__setitem__(1, "system"),
            r"land: unknown operation 'system'",
        ),
        (
            lambda p: p["land"]["instructions"].pop(0),
            r"land: value 'v\d+' is used before assignment",
        ),
        (
            lambda p: p["land"]["instructions"][0][2].pop(),
            r"land: '\w+' with 1 arguments, expected 2",
        ),
        (
            lambda p: p["land"]["outputs"].pop("q.runoff"),
            r"land: output 'q\.runoff' is missing",
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
