"""Networks with a memory: their steps are their series, wherever it is cut."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from bmi_dmx.errors import ConfigError
from bmi_dmx.networks.lstm import Lstm
from bmi_dmx.networks.lstm_heads import LstmHeads
from bmi_dmx.networks.lstm_settled import LstmSettled
from bmi_dmx.networks.transformer import Transformer

STEPS = 30
SMALL = {"hidden": 8, "heads": 2, "layers": 2, "window": 7}
SETTLING = {"hidden": 6, "over": 9}
MAKES = {
    "transformer": lambda: Transformer(3, 4, dropout=0.3, **SMALL),
    "transformer of one step": lambda: Transformer(3, 4, **{**SMALL, "window": 1}),
    "lstm_heads": lambda: LstmHeads(3, 5, hidden=6, heads=2, head_hidden=(4,)),
    "lstm_heads, no layer": lambda: LstmHeads(3, 5, hidden=6, heads=9, embedded=False),
    "lstm_settled": lambda: LstmSettled(
        3, 5, hidden=6, settled=((1, 2), (4, 4)), over=9
    ),
}


def made(name):
    torch.manual_seed(1)
    return MAKES[name]().double().eval().requires_grad_(False)


def inputs(places=2):
    return torch.randn(
        STEPS, places, 3, dtype=torch.float64, generator=torch.manual_seed(2)
    )


@pytest.mark.parametrize("name", MAKES)
def test_steps_are_the_series(name):
    network, x = made(name), inputs()
    expected, end = network.series(x, network.blank(x, 2))
    memory = network.blank(x, 2)
    for now, whole in zip(x, expected, strict=True):
        y, memory = network.step(now, memory)
        torch.testing.assert_close(y, whole, rtol=1e-12, atol=1e-13)
    assert memory.keys() == network.memory.keys() == end.keys()
    for key, width in network.memory.items():
        assert memory[key].shape == (2, width)
        torch.testing.assert_close(memory[key], end[key], rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MAKES)
@settings(max_examples=20, deadline=None)
@given(cut=st.integers(1, STEPS - 1))
def test_a_series_may_be_cut_anywhere(name, cut):
    network, x = made(name), inputs()
    expected, _ = network.series(x, network.blank(x, 2))
    first, memory = network.series(x[:cut], network.blank(x, 2))
    second, _ = network.series(x[cut:], memory)
    series = torch.cat([first, second])
    torch.testing.assert_close(series, expected, rtol=1e-12, atol=1e-13)


@pytest.mark.parametrize("name", MAKES)
def test_nothing_depends_on_what_is_still_to_come(name):
    network, x = made(name), inputs()
    later = x.clone()
    later[20:] += 1.0
    y, other = (network.series(one, network.blank(x, 2))[0] for one in (x, later))
    torch.testing.assert_close(y[:20], other[:20], rtol=0.0, atol=0.0)
    assert float((y[20:] - other[20:]).abs().min()) > 0.0


def test_answers_that_settle_are_the_mean_of_all_until_there_are_enough():
    network, x = made("lstm_settled"), inputs()
    settled, _ = network.series(x, network.blank(x, 2))
    plain = Lstm(3, 5, hidden=6).double()
    plain.load_state_dict(network.state_dict())
    answers, _ = plain.series(x, plain.blank(x, 2))
    torch.testing.assert_close(settled[..., [0, 3]], answers[..., [0, 3]])
    for step in range(9):
        mean = answers[: step + 1].mean(0)
        torch.testing.assert_close(settled[step, :, [1, 2, 4]], mean[:, [1, 2, 4]])
    forgetting = settled[8] + (answers[9] - settled[8]) / 9.0
    torch.testing.assert_close(settled[9, :, 4], forgetting[:, 4])


@pytest.mark.parametrize("runs", [(), ((3, 2),), ((2, 4), (1, 1)), ((-1, 2),)])
def test_runs_that_are_none_are_refused(runs):
    with pytest.raises(ConfigError, match="settled: found"):
        LstmSettled.make(3, 5, {"settled": runs})


def test_more_answers_cannot_settle_than_there_are():
    with pytest.raises(ConfigError, match="but there are 5 answers"):
        LstmSettled.make(3, 5, {"settled": ((0, 5),)})


def test_a_transformer_forgets_what_lies_behind_its_windows():
    network, x = made("transformer"), inputs()
    earlier = x.clone()
    earlier[0] += 1.0
    y, other = (network.series(one, network.blank(x, 2))[0] for one in (x, earlier))
    # Two layers of seven steps see thirteen.
    assert float((y[12] - other[12]).abs().max()) > 0.0
    torch.testing.assert_close(y[13:], other[13:], rtol=0.0, atol=0.0)


def test_places_may_have_seen_more_or_less():
    network, x = made("transformer"), inputs()
    _, memory = network.series(x[:3], network.blank(x, 2))
    blank = network.blank(x, 2)
    mixed = {n: torch.stack([m[0], blank[n][1]]) for n, m in memory.items()}
    y, _ = network.series(x[3:], mixed)
    warm, _ = network.series(x[3:], memory)
    cold, _ = network.series(x[3:], blank)
    torch.testing.assert_close(y[:, 0], warm[:, 0])
    torch.testing.assert_close(y[:, 1], cold[:, 1])


def test_heads_share_nothing_but_the_memory():
    network = made("lstm_heads")
    x = inputs()
    before, _ = network.series(x, network.blank(x, 2))
    with torch.no_grad():
        for weight in network.heads[0].parameters():
            weight += 1.0
    after, _ = network.series(x, network.blank(x, 2))
    # Five outputs: three of the first head, two of the other.
    assert float((after[..., :3] - before[..., :3]).abs().min()) > 0.0
    torch.testing.assert_close(after[..., 3:], before[..., 3:], rtol=0.0, atol=0.0)


def test_gradients_of_a_transformer_are_those_of_its_numbers():
    network = Transformer(2, 1, hidden=4, heads=2, layers=1, window=3).double()
    memory = network.blank(torch.zeros(1, dtype=torch.float64), 1)
    x = torch.randn(5, 1, 2, dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda one: network.series(one, memory)[0], x)


@pytest.mark.parametrize(
    ("kind", "options", "message"),
    [
        (Transformer, {"hidden": 9, "heads": 2}, "heads: found 2, expected a divisor"),
        (Transformer, {"window": 0}, "window"),
        (LstmHeads, {"heads": 0}, "heads"),
        (LstmHeads, {"head_hidden": 0}, "head_hidden"),
    ],
)
def test_options_that_do_not_fit_are_refused(kind, options, message):
    with pytest.raises(ConfigError, match=message):
        kind.make(3, 2, options)
