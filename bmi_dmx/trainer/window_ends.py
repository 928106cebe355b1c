"""Bundles of models whose constants are those of the end of a window in training.

Nobody can step them as they were trained. The bundle is the same model in which what
was read at the end of windows is the running mean of what the network has answered so
far, and remembers what that was, so that it can be scored in both ways.
"""

from __future__ import annotations

from typing import Any

from ..bundle import Bundle
from ..compose import Model
from ..compose.windows import WindowEnd, at_each_step, at_window_end, window_ends
from ..conversion import convert, plain
from ..errors import BundleError, ConfigError

__all__ = ["KEY", "as_trained", "steppable"]

KEY = "window_ends"
"""Key of the provenance under which a bundle remembers them."""


def steppable(model: Model, over: int) -> tuple[Model, dict[str, Any]]:
    """Return a model that can be stepped, and what its bundle remembers.

    Parameters
    ----------
    model : Model
        As it was trained.
    over : int
        Steps of the running mean, such as those of a window in training.

    Returns
    -------
    model : Model
        Of the same weights, without parameters of the end of windows.
    provenance : dict of str to object
        Empty where nothing is read at the end of windows.
    """
    ends = window_ends(model.spec)
    if not ends:
        return model, {}
    return at_each_step(model, over), {
        KEY: {name: plain(end) for name, end in ends.items()}
    }


def as_trained(bundle: Bundle, model: Model) -> Model:
    """Return the model of a bundle with the constants of the end of a series.

    Parameters
    ----------
    bundle : Bundle
        Whose provenance says which they are.
    model : Model
        That of the bundle.

    Raises
    ------
    ConfigError
        It was not trained so.
    BundleError
        What the provenance says does not fit the model.
    """
    block = bundle.manifest.provenance.get(KEY)
    if not block:
        raise ConfigError(
            f"{bundle.path}: no parameter was that of the end of a window in training;"
            " its parameters are those that it has in operation"
        )
    try:
        return at_window_end(model, convert(block, dict[str, WindowEnd]))
    except ConfigError as error:
        raise BundleError(f"{bundle.path}: provenance.{KEY}: {error}") from None
