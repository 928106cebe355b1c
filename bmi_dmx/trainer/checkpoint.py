"""Checkpoints: written whole or not at all, read without executing anything."""

from __future__ import annotations

import hashlib
import io
import pickle
import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from lightning.fabric.plugins import CheckpointIO

from ..compose import Model, ModelSpec, Statistics
from ..errors import ConfigError, StateError
from ..files import atomic
from .experiment import Experiment
from .run_folder import RunFolder

__all__ = [
    "COMPANIONS",
    "LAYOUT",
    "OWN",
    "AtomicCheckpoints",
    "best_models",
    "load_model",
    "random_state",
    "read_checkpoint",
    "restore_random_state",
    "seed_everything",
]

OWN = "bmi_dmx"
"""Key of what training keeps in a checkpoint besides what Lightning does."""

LAYOUT = 3
"""Changes with what is kept there."""

SEAL = b"bmi_dmx sha256 "
"""Comes, with the hash of all that stands before, at the end of the file."""

PREFIX = "model."

COMPANIONS = "companions"
"""Where models trained with that of the experiment stand, in a training and among what
it keeps."""


class AtomicCheckpoints(CheckpointIO):
    """Writes checkpoints so that a kill at any moment leaves the one before intact."""

    def save_checkpoint(
        self, checkpoint: dict[str, Any], path: Any, storage_options: Any = None
    ) -> None:
        """Write a checkpoint."""
        # In memory first: of a full disk PyTorch's own writer says nothing anybody
        # would understand.
        content = io.BytesIO()
        torch.save(checkpoint, content)
        # What PyTorch writes is read without a look at its checksums.
        digest = hashlib.sha256(content.getbuffer()).digest()
        content.write(SEAL + digest)
        with atomic(path) as temporary:
            temporary.write_bytes(content.getbuffer())

    def load_checkpoint(
        self, path: Any, map_location: Any = None, weights_only: bool | None = None
    ) -> dict[str, Any]:
        """Read a checkpoint of tensors and plain values."""
        return read_checkpoint(Path(path))

    def remove_checkpoint(self, path: Any) -> None:
        """Delete a checkpoint."""
        Path(path).unlink(missing_ok=True)


def read_checkpoint(path: Path) -> dict[str, Any]:
    """Read a checkpoint, refusing everything but tensors and plain values.

    Raises
    ------
    StateError
        It cannot be read, is damaged, is not a checkpoint of a training, or is one of
        another version.
    """
    if not path.is_file():
        raise StateError(f"{path}: no such file")
    try:
        content, sealed = _opened(path)
        file = io.BytesIO(content)
        checkpoint = torch.load(file, map_location="cpu", weights_only=True)
    except _UNREADABLE as error:
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise StateError(
            f"{path}: not a readable checkpoint, damaged or cut short: {reason}"
        ) from None
    if not isinstance(checkpoint, dict) or OWN not in checkpoint:
        raise StateError(f"{path}: not a checkpoint of a training of bmi_dmx")
    section = checkpoint[OWN]
    layout = section.get("layout") if isinstance(section, dict) else None
    if layout != LAYOUT:
        raise StateError(
            f"{path}: found layout {layout}, expected {LAYOUT}: the checkpoint was "
            "written by another version of bmi_dmx, which alone can go on from it"
        )
    if not sealed:
        raise StateError(f"{path}: damaged or cut short: found no seal at its end")
    return checkpoint


_UNREADABLE = (
    OSError, RuntimeError, EOFError, ValueError, KeyError, IndexError, TypeError,
    AttributeError, pickle.UnpicklingError,
)  # fmt: skip
"""What PyTorch raises on files that are none of its own, or no longer."""


def _opened(path: Path) -> tuple[bytes, bool]:
    """Return what a file holds, and whether that was sealed."""
    content = path.read_bytes()
    end = len(content) - hashlib.sha256().digest_size
    begin = end - len(SEAL)
    if begin < 0 or content[begin:end] != SEAL:
        return content, False
    if hashlib.sha256(content[:begin]).digest() != content[end:]:
        raise StateError(f"{path}: damaged: its content does not match its sha256")
    return content[:begin], True


def best_models(
    folders: Sequence[RunFolder], experiments: Sequence[Experiment]
) -> list[Model]:
    """Return the models of the best checkpoints of runs.

    Parameters
    ----------
    folders : sequence of RunFolder
        The runs.
    experiments : sequence of Experiment
        Theirs.

    Raises
    ------
    DataError, StateError
        A run has no checkpoint yet, or one that is damaged.
    """
    pairs = zip(folders, experiments, strict=True)
    return [load_model(f.require_best(), e.model) for f, e in pairs]


def load_model(path: Path, spec: ModelSpec, companion: str | None = None) -> Model:
    """Return the model of a checkpoint, in evaluation mode.

    Parameters
    ----------
    path : Path
        The checkpoint.
    spec : ModelSpec
        What the model is made of.
    companion : str, optional
        Name of one that was trained with that of the experiment.

    Raises
    ------
    StateError
        The checkpoint is damaged or was made with another model.
    """
    checkpoint = read_checkpoint(path)
    try:
        section, prefix = checkpoint[OWN], PREFIX
        record = section["statistics"]
        if companion is not None:
            record, prefix = (
                section[COMPANIONS][companion],
                f"{COMPANIONS}.{companion}.",
            )
        statistics = Statistics.from_dict(record)
        weights = _weights(checkpoint["state_dict"], prefix)
    except (KeyError, ConfigError, TypeError) as error:
        raise StateError(f"{path}: not a whole checkpoint: {error}") from None
    model = Model(spec, statistics)
    try:
        model.load_state_dict(weights)
    except RuntimeError as error:
        problem = " ".join(str(error).split())
        raise StateError(f"{path}: made with another model: {problem}") from None
    return model.eval()


def _weights(arrays: Any, prefix: str) -> dict[str, torch.Tensor]:
    """Return weights by the name they have in a model; refuse what are none."""
    if not isinstance(arrays, Mapping):
        raise TypeError(f"state_dict: found {arrays!r:.60}, expected arrays by name")
    weights = {}
    for name, array in arrays.items():
        if not (isinstance(name, str) and isinstance(array, torch.Tensor)):
            raise TypeError(f"state_dict: {name!r:.60}: found {array!r:.60}, no array")
        if not torch.isfinite(array).all():
            raise TypeError(f"state_dict: {name!r}: not all numbers are finite")
        if name.startswith(prefix):
            weights[name.removeprefix(prefix)] = array
    return weights


def seed_everything(seed: int) -> None:
    """Seed the random numbers of Python, NumPy and PyTorch."""
    random.seed(seed)
    np.random.seed(seed)  # noqa: NPY002 (whatever libraries draw from it)
    torch.manual_seed(seed)


def random_state() -> dict[str, Any]:
    """Return the state of all global random numbers as tensors and plain values."""
    kind, keys, *rest = np.random.get_state(legacy=True)  # noqa: NPY002
    return {
        "python": random.getstate(),
        "numpy": [kind, torch.from_numpy(np.asarray(keys, dtype=np.int64)), *rest],
        "torch": torch.get_rng_state(),
        # Asking would start a device that nobody uses.
        "cuda": torch.cuda.get_rng_state_all() if _on_cuda() else [],
    }


def _on_cuda() -> bool:
    return bool(torch.cuda.is_initialized())  # type: ignore[no-untyped-call]


def restore_random_state(state: Mapping[str, Any]) -> None:
    """Continue with the random numbers of :func:`random_state`."""
    version, words, gauss = state["python"]
    random.setstate((version, tuple(words), gauss))
    kind, keys, *rest = state["numpy"]
    np.random.set_state((kind, keys.numpy().astype(np.uint32), *rest))  # noqa: NPY002
    torch.set_rng_state(state["torch"])
    for device, numbers in enumerate(state["cuda"][: torch.cuda.device_count()]):
        torch.cuda.set_rng_state(numbers, device)
