"""Networks over grids: shapes, edges, waves, and the same numbers as programs."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch

from bmi_dmx.errors import ConfigError
from bmi_dmx.networks.afno import _transformed, _turn
from bmi_dmx.program import evaluate
from bmi_dmx.program.trace import trace
from bmi_dmx.registries import networks

OPTIONS: dict[str, dict[str, Any]] = {
    "unet": {"hidden": 6, "patch": 2},
    "convlstm": {"hidden": 5, "patch": 2, "frames": 4, "seen": 3},
    "simvp": {"hidden": 8, "patch": 2, "frames": 4, "seen": 4},
    "afno": {"hidden": 8, "patch": 2, "depth": 2, "blocks": 2},
    "ste": {"hidden": 8, "patch": 2, "blocks": 2, "heads": 2},
}
INPUTS, ROWS, COLUMNS = 7, 8, 12


def made(name: str, **options: Any) -> Any:
    torch.manual_seed(0)
    network = networks[name].make(INPUTS, 2, {**OPTIONS[name], **options})
    return network.double().eval()


@pytest.mark.parametrize("name", OPTIONS)
def test_any_axes_stand_before_the_field(name: str) -> None:
    network = made(name)
    x = torch.randn(2, 3, INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    y, memory = network.step(x, {})
    assert y.shape == (2, 3, 2, ROWS, COLUMNS)
    assert memory == {}
    torch.testing.assert_close(network.step(x[1, 2], {})[0], y[1, 2])


# Layers between waves tell real from imaginary parts, blocks of attention are told
# where patches are: both know where columns begin.
@pytest.mark.parametrize("name", [n for n in OPTIONS if n not in ("afno", "ste")])
def test_what_goes_around_the_globe_has_no_first_column(name: str) -> None:
    x = torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64)

    def turned(network: Any) -> Any:
        return network.step(torch.roll(x, 4, -1), {})[0], torch.roll(
            network.step(x, {})[0], 4, -1
        )

    torch.testing.assert_close(*turned(made(name)))
    open_ended, whole = turned(made(name, circular=False))
    assert not torch.allclose(open_ended, whole)


@pytest.mark.parametrize("name", OPTIONS)
def test_a_program_gives_the_same_numbers(name: str) -> None:
    network = made(name)
    x = torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    weights = {n: w.detach() for n, w in network.state_dict().items()}

    def run(values: Any) -> dict[str, torch.Tensor]:
        tensors = {n: values[n] for n in weights}
        arguments = (values["x"].unsqueeze(0),)
        return {"y": torch.func.functional_call(network, tensors, arguments)}

    program = trace(run, {"x": x, **weights})
    outputs = evaluate(program, {n: v.numpy() for n, v in {"x": x, **weights}.items()})
    expected = network.step(x, {})[0].detach().numpy()
    np.testing.assert_allclose(outputs["y"][0], expected, rtol=0, atol=1e-12)


def test_waves_are_those_of_the_fast_transform() -> None:
    x = torch.randn(3, 10, dtype=torch.float64)
    turn = _turn(10, x)
    real, imaginary = _transformed(x, None, turn, -1.0)
    expected = torch.fft.fft(x, norm="ortho")
    torch.testing.assert_close(torch.complex(real, imaginary), expected)
    back, nothing = _transformed(real, imaginary, turn, 1.0)
    torch.testing.assert_close(back, x)
    assert nothing.abs().max() < 1e-14


def test_a_lstm_forgets_what_it_does_not_look_at() -> None:
    network = made("convlstm")
    x = torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    y = network.step(x, {})[0]
    for channel, same in ((2, False), (3, True), (4, False)):
        other = x.clone()
        other[channel] += 1.0
        assert torch.allclose(network.step(other, {})[0], y) is same


@pytest.mark.parametrize("name", ["unet", "convlstm", "simvp", "ste"])
def test_what_patches_do_not_divide_is_filled_up_where_nothing_goes_around(
    name: str,
) -> None:
    network = made(name, circular=False)
    x = torch.randn(INPUTS, 9, 11, dtype=torch.float64)
    whole = torch.zeros(INPUTS, 12, 12, dtype=torch.float64)
    whole[:, :9, :11] = x
    y = network.step(x, {})[0]
    assert y.shape == (2, 9, 11)
    # Patches of two are filled up to ten rows, those that are halved to twelve.
    rows = 12 if name == "unet" else 10
    expected = network.step(whole[:, :rows], {})[0][:, :9, :11]
    torch.testing.assert_close(y, expected)


def test_frames_may_have_several_channels() -> None:
    torch.manual_seed(0)
    options = {**OPTIONS["convlstm"], "frames": 3, "seen": 2, "width": 2}
    network = networks["convlstm"].make(INPUTS, 2, options).double().eval()
    x = torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    y = network.step(x, {})[0]
    for channel, same in ((0, False), (3, False), (4, True), (5, True), (6, False)):
        other = x.clone()
        other[channel] += 1.0
        assert torch.allclose(network.step(other, {})[0], y) is same


def test_attention_reaches_from_each_patch_to_every_other() -> None:
    network = made("ste", kernel=1)
    x = torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    other = x.clone()
    other[:, 0, 0] += 1.0
    change = network.step(other, {})[0] - network.step(x, {})[0]
    assert bool((change[:, -2:, 6:8] != 0.0).all())


def test_a_local_network_reads_its_own_cell_alone() -> None:
    torch.manual_seed(0)
    network = networks["local_mlp"].make(INPUTS, 2, {"hidden": [5]}).double()
    x = torch.randn(3, INPUTS, ROWS, COLUMNS, dtype=torch.float64)
    y = network.step(x, {})[0]
    one = network.step(x[1:2, :, 4:5, 6:7], {})[0]
    torch.testing.assert_close(y[1:2, :, 4:5, 6:7], one)


def test_sizes_that_do_not_fit_are_refused() -> None:
    x = torch.zeros(INPUTS, 9, COLUMNS, dtype=torch.float64)
    with pytest.raises(ConfigError, match="patch: 2 does not divide the 9 rows"):
        made("unet").step(x, {})
    with pytest.raises(ConfigError, match="5 rows and 6 columns cannot be halved"):
        made("unet").step(torch.zeros(INPUTS, 10, 12, dtype=torch.float64), {})
    with pytest.raises(ConfigError, match="kernel: found 2, expected an odd"):
        made("unet", kernel=2)
    with pytest.raises(ConfigError, match="3 do not divide 8 channels"):
        made("afno", blocks=3)
    with pytest.raises(ConfigError, match="frames: found 8, but 7 channels"):
        made("simvp", frames=8)
    with pytest.raises(ConfigError, match="heads: found 3, expected a divisor"):
        made("ste", heads=3)
    with pytest.raises(ConfigError, match="a network of maps reads none"):
        networks["maps"].make(1, 1, {"places": 4})


def test_a_grid_smaller_than_what_it_is_filled_up_to_is_filled_up() -> None:
    network = made("unet", patch=4, circular=False)
    x = torch.randn(INPUTS, 1, 3, dtype=torch.float64)
    y, _ = network.step(x, {})
    filled = torch.nn.functional.pad(x, (0, 5, 0, 7))
    torch.testing.assert_close(y, network.step(filled, {})[0][..., :1, :3])


def test_a_kernel_that_reaches_around_the_globe_is_refused() -> None:
    network = made("unet", kernel=15)
    with pytest.raises(ConfigError, match="reaches 7 columns to each side, found 6"):
        network.step(torch.randn(INPUTS, ROWS, COLUMNS, dtype=torch.float64), {})
