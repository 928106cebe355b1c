"""Models that are run as one have answers whose mean can be taken."""

from __future__ import annotations

import pytest

from bmi_dmx.compose.combination import combined
from bmi_dmx.errors import ConfigError
from tests.systems import changed, made


def test_a_learned_parameter_is_no_answer_to_take_the_mean_of() -> None:
    model = made(changed(answers=["gain"]))
    with pytest.raises(ConfigError, match="answers: 'gain' is given by no process"):
        combined([model, model], [1.0, 1.0])
