"""A component whose runner has an ensemble: made, and let go of."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from ..config import expanded
from ..conversion import convert
from ..errors import ConfigError
from ..files import refuse_device
from ..operate.runner import Runner
from ..space import GridDescription
from .ensemble_values import EnsembleValues
from .locations import Locations
from .publication import inputs, outputs
from .serialization import Signal
from .settings import Settings
from .table import Catalogue, Quantity

if TYPE_CHECKING:
    from ..assimilation.operation.analysis import Assimilation
    from ..assimilation.operation.settings import AssimilationSettings
    from ..operate.ensemble import EnsembleRunner

__all__ = ["Ensemble", "ensemble_of", "published"]

Array = np.ndarray[Any, np.dtype[Any]]

_log = logging.getLogger(__name__)


class Ensemble:
    """The ensemble of a component, and what observations do to it.

    Parameters
    ----------
    runner : EnsembleRunner
        Steps the members.
    assimilation : Assimilation
        Drives them.
    settings : AssimilationSettings
        The block of the configuration.
    """

    def __init__(
        self,
        runner: EnsembleRunner,
        assimilation: Assimilation,
        settings: AssimilationSettings,
    ) -> None:
        self.runner, self.assimilation, self._settings = runner, assimilation, settings
        self._log: Path | None = None
        self._values: EnsembleValues | None = None

    def answer(
        self, catalogue: Catalogue, set_members: Callable[[str, Array], None]
    ) -> None:
        """Be found by names; see :class:`.EnsembleValues`."""
        # The grid of all members comes after those of the model.
        on_grids = (e.variable for e in catalogue.of("forcing", "flux", "state"))
        grids = {("cell", ()), *((v.at, v.axes) for v in on_grids)}
        self._values = EnsembleValues(
            self.runner, self.assimilation, catalogue, set_members, len(grids)
        )

    def find(self, name: str) -> Quantity | Signal | None:
        """Return a quantity of the ensemble by name; None if it is none."""
        return None if self._values is None else self._values.find(name)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Names that a host is asked for, unless a file brings what was observed."""
        if self._values is None or self._settings.observations is not None:
            return ()
        return self._values.inputs

    @property
    def grid(self) -> GridDescription:
        """The grid of values of all members: a row for each."""
        members, places = self.runner.size, len(self.runner.ids)
        return GridDescription(
            type="uniform_rectilinear", rank=2, size=members * places,
            shape=(members, places), spacing=(1.0, 1.0), origin=(0.0, 0.0),
        )  # fmt: skip

    def begin(self, folder: Path) -> None:
        """Open the files that were configured, relative to a folder.

        Raises
        ------
        ConfigError, DataError
            When there is no such file, or it is not what it should be; and when the log
            could not be written at the end.
        """
        if self._settings.observations is not None:
            from ..assimilation.operation.source import source_of

            self.assimilation.source = source_of(
                self._settings.observations, folder, self.runner, self.assimilation
            )
        if self._settings.log is not None:
            self._log = expanded(self._settings.log, "assimilation: log", folder)
            _refuse_unwritable(self._log)

    def end(self) -> None:
        """Write the log, and say what became of the observations."""
        innovations = self.assimilation.innovations
        if self.assimilation.inboxes:
            level = logging.WARNING if innovations.in_vain else logging.INFO
            report = innovations.report()
            _log.log(level, "%s: observed: %s", self.runner.place, report)
        if self._log is not None:
            innovations.write(self._log)


def _refuse_unwritable(log: Path) -> None:
    """Make the folder of a log that is written when the run is over; refuse others."""
    try:
        refuse_device(log)
        log.parent.mkdir(parents=True, exist_ok=True)
        if log.is_dir():
            raise IsADirectoryError(errno.EISDIR, "is a folder, expected a file")
        if not os.access(log.parent, os.W_OK):
            raise PermissionError(errno.EACCES, "its folder cannot be written to")
    except OSError as error:
        raise ConfigError(f"assimilation: log: {log}: {error.strerror}") from None


def ensemble_of(
    settings: Settings, make: Callable[..., Runner], folder: Path
) -> tuple[Runner, Ensemble | None]:
    """Return the runner of a component, and its ensemble where it has one.

    Parameters
    ----------
    settings : Settings
        What was configured.
    make : callable
        Makes a runner of a class, given with its further arguments.
    folder : Path
        What relative paths of bundles start from.

    Raises
    ------
    ConfigError
        When the block ``assimilation`` says something that is not understood.
    """
    if settings.assimilation is None:
        return make(Runner), None
    # What it needs is loaded by those who have one.
    from ..assimilation.operation.analysis import Assimilation
    from ..assimilation.operation.settings import AssimilationSettings
    from ..errors import ConfigError
    from ..operate.ensemble import EnsembleRunner

    block = convert(settings.assimilation, AssimilationSettings, "assimilation")
    block = block.from_folder(folder)
    runner = make(partial(EnsembleRunner, size=block.members))
    assert isinstance(runner, EnsembleRunner)
    try:
        assimilation = Assimilation(runner, block)
    except ConfigError as error:
        raise ConfigError(f"assimilation: {error}") from None
    runner.drive(assimilation)
    return runner, Ensemble(runner, assimilation, block)


def published(
    catalogue: Catalogue,
    settings: Settings,
    places: Locations,
    ensemble: Ensemble | None,
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names of inputs and outputs that are published.

    Of what is made of the ensemble those are that the configuration names.

    Raises
    ------
    ConfigError
        When there is no such output.
    """
    names = settings.outputs
    if ensemble is None:
        return inputs(catalogue), outputs(catalogue, names, places.attributes)
    derived: dict[str, str] = {}
    for name in names or ():
        quantity = None if catalogue.get(name) is not None else ensemble.find(name)
        if quantity is not None:
            derived[name] = quantity.name
    usual = None if names is None else tuple(n for n in names if n not in derived)
    plain = outputs(catalogue, usual, places.attributes)
    return (*inputs(catalogue), *ensemble.inputs), (*plain, *derived.values())
