"""The commands ``dmx ngen`` and ``dmx simulate``.

Only arguments are declared at import; what a command needs is imported when it runs.
"""

from __future__ import annotations

import json
import os
from argparse import ArgumentParser, Namespace
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from ..arguments import by_name, netcdf, whole
from ..conversion import datetime_of, without_zone
from ..errors import ConfigError
from ..run.command import crew_arguments, precision_argument

if TYPE_CHECKING:
    from .domain import Domain
    from .hydrofabric import Hydrofabric
    from .realization import Realization

__all__ = ["ngen", "ngen_arguments", "simulate", "simulate_arguments"]

_RULES = ("raise", "hold")


def ngen_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx ngen``."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    prepare = actions.add_parser("prepare", help="make a run folder")
    prepare.add_argument("hydrofabric", type=Path, help="GeoPackage, or GeoJSON")
    prepare.add_argument("forcing", type=Path, help="NetCDF file, or folder of CSV")
    _domain_arguments(prepare)
    prepare.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="to be made"
    )
    prepare.add_argument(
        "--routing", action="store_true", help="write config/troute.yaml, too"
    )
    for name, about in (
        ("check", "say what is wrong with a run folder"),
        ("run", "run a run folder as ngen would"),
    ):
        action = actions.add_parser(name, help=about)
        action.add_argument("folder", type=Path, metavar="DIR", help="the run folder")
        action.add_argument(
            "--catchments", nargs="+", metavar="ID", help="only these (default: all)"
        )
        action.add_argument(
            "--realization", type=Path, metavar="FILE",
            help="default: config/*realization*.json",
        )  # fmt: skip
        action.add_argument(
            "--hydrofabric", type=Path, metavar="FILE",
            help="default: the one *.gpkg in the folder, or config/*.geojson",
        )  # fmt: skip
        action.add_argument(
            "--nexus", type=Path, metavar="FILE", help="nexuses of a GeoJSON domain"
        )
        action.add_argument(
            "--route", type=Path, metavar="FILE",
            help="configuration of a river (bmi_dmx.MuskingumCunge) that runs after "
            "the catchments of every step",
        )  # fmt: skip
        if name == "check":
            action.add_argument("--json", action="store_true", help="for scripts")
    sample = actions.add_parser("sample", help="write a small domain to try things on")
    sample.add_argument("folder", type=Path, metavar="DIR", help="where to")


def simulate_arguments(parser: ArgumentParser) -> None:
    """Add the arguments of ``dmx simulate``."""
    parser.add_argument("--hydrofabric", type=Path, required=True, metavar="FILE")
    parser.add_argument("--forcing", type=Path, required=True, metavar="FILE")
    _domain_arguments(parser)
    parser.add_argument(
        "--output", type=netcdf, required=True, metavar="FILE", help="NetCDF file"
    )
    parser.add_argument(
        "--outputs", nargs="+", metavar="NAME", help="variables to write"
    )
    parser.add_argument(
        "--save-state", type=Path, metavar="FILE", help="where to save the last state"
    )
    parser.add_argument(
        "--map", type=Path, metavar="FILE",
        help="GeoPackage of the catchments with the means of the outputs",
    )  # fmt: skip
    precision_argument(parser)
    crew_arguments(parser)


def _domain_arguments(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--bundle", default="dhbv-conus-daily", metavar="NAME",
        help="bundle that comes with the package, or a folder (default: %(default)s)",
    )  # fmt: skip
    parser.add_argument("--nexus", type=Path, metavar="FILE", help="for GeoJSON")
    parser.add_argument(
        "--catchments", nargs="+", metavar="ID", help="only these (default: all)"
    )
    parser.add_argument(
        "--start", metavar="TIME", help="beginning of the first hour, UTC"
    )
    parser.add_argument("--end", metavar="TIME", help="beginning of the last hour, UTC")
    parser.add_argument(
        "--evaporation", metavar="NAME", help="where potential evaporation comes from"
    )
    parser.add_argument(
        "--mode", choices=("hourly", "daily"), help="steps of the physics"
    )
    parser.add_argument(
        "--day-start-hour", type=whole(0), metavar="HOUR",
        help="hour, UTC, at which days of --mode daily begin (default: 0)",
    )  # fmt: skip
    parser.add_argument(
        "--forcing-policy", nargs="+", metavar="RULE",
        help="for missing or absurd forcing: raise, hold, or rules of single forcings "
        "such as precipitation=0 air_temperature=hold",
    )  # fmt: skip
    parser.add_argument(
        "--state", metavar="STATE",
        help="what to start from: cold, equilibrium, or a state file",
    )  # fmt: skip
    parser.add_argument(
        "--attributes", type=Path, metavar="FILE",
        help="CSV table of attributes; goes before the hydrofabric's",
    )  # fmt: skip
    parser.add_argument(
        "--crosswalk", type=Path, metavar="FILE",
        help="CSV table: catchment, and its name in the forcing",
    )  # fmt: skip


def ngen(options: Namespace) -> None:
    """Run ``dmx ngen``."""
    actions = {"prepare": _prepare, "check": _check, "run": _run, "sample": _sample}
    actions[options.action](options)


def _moment(text: str | None, option: str) -> datetime | None:
    if text is None:
        return None
    try:
        moment = without_zone(datetime_of(text))
    except ValueError:
        moment = None
    if moment is None:
        raise ConfigError(
            f"{option}: found {text!r}, expected such as '2015-12-01 00:00:00', UTC"
        )
    return moment


def _settings(options: Namespace) -> dict[str, object]:
    """Return the settings of the component that were chosen."""
    settings = {
        "mode": options.mode,
        "day_start_hour": options.day_start_hour,
        "forcing_policy": _policy(options.forcing_policy),
    }
    return {key: value for key, value in settings.items() if value is not None}


def _policy(rules: Sequence[str] | None) -> str | dict[str, str | float] | None:
    """Return one word for all forcings, or a rule by name."""
    if rules is None:
        return None
    if len(rules) == 1 and rules[0] in _RULES:
        return rules[0]
    policies: list[tuple[str, str | float]] = []
    for rule in rules:
        name, _, action = rule.partition("=")
        try:
            policies.append((name, action if action in _RULES else float(action)))
        except ValueError:
            raise ConfigError(
                f"--forcing-policy: found {rule!r}, expected raise or hold, or for "
                "each forcing such as precipitation=0 or air_temperature=hold"
            ) from None
    return by_name("--forcing-policy", policies)


def _domain(options: Namespace) -> Domain:
    from .domain import open_domain

    return open_domain(
        options.hydrofabric,
        options.forcing,
        nexuses=options.nexus,
        catchments=options.catchments,
        crosswalk=options.crosswalk,
        start=_moment(options.start, "--start"),
        end=_moment(options.end, "--end"),
    )


def _tell(remarks: Iterable[str]) -> None:
    for remark in remarks:
        print(f"note: {remark}")


def _prepare(options: Namespace) -> None:
    from .prepare import prepare

    with _domain(options) as domain:
        summary = prepare(
            domain,
            options.bundle,
            options.output,
            attributes=options.attributes,
            evaporation=options.evaporation,
            state=options.state,
            settings=_settings(options),
            routing=options.routing,
        )
    _tell(summary.remarks)
    print(f"{summary.path}: {summary.catchments} catchments, {summary.hours} hours")


def _sample(options: Namespace) -> None:
    from .sample import make_sample

    for path in make_sample(options.folder):
        print(path)


def simulate(options: Namespace) -> None:
    """Run ``dmx simulate``."""
    from ..run.cluster import Crew
    from .simulate import simulate as run

    with _domain(options) as domain:
        summary = run(
            domain,
            options.bundle,
            options.output,
            attributes=options.attributes,
            evaporation=options.evaporation,
            outputs=options.outputs,
            state=options.state,
            settings=_settings(options),
            save_state=options.save_state,
            map_file=options.map,
            places=options.block_places,
            crew=Crew(options.workers, options.scheduler),
            single=options.precision == "single",
        )
    _tell(summary.remarks)
    print(f"{summary.path}: {summary.catchments} catchments, {summary.hours} hours")


@contextmanager
def _inside(options: Namespace) -> Iterator[None]:
    """Work in the run folder, from which relative paths of a realization start.

    The paths that were given as options still start from where they were given.
    """
    for name in ("realization", "hydrofabric", "nexus", "route"):
        path = getattr(options, name)
        setattr(options, name, None if path is None else path.resolve())
    if not options.folder.is_dir():
        raise ConfigError(f"{options.folder}: no such folder")
    before = Path.cwd()
    os.chdir(options.folder)
    try:
        yield
    finally:
        os.chdir(before)


def _the_one(pattern: str, what: str) -> Path:
    paths = sorted(Path().glob(pattern))
    if len(paths) != 1:
        names = ", ".join(str(path) for path in paths) or "none"
        raise ConfigError(f"{pattern}: expected one {what}, found {names}")
    return paths[0]


def _read(options: Namespace) -> tuple[Realization, Hydrofabric]:
    """Read the run folder, which is the current folder."""
    from .hydrofabric import read_hydrofabric
    from .realization_file import read_realization

    path = options.realization or _the_one("config/*realization*.json", "realization")
    fabric, nexuses = options.hydrofabric, options.nexus
    if fabric is None and not any(Path().glob("**/*.gpkg")):
        fabric, nexuses = _geojson("cat-"), nexuses or _geojson("nex-")
    fabric = fabric or _the_one("**/*.gpkg", "hydrofabric")
    return read_realization(path), read_hydrofabric(fabric, nexuses)


def _geojson(prefix: str) -> Path | None:
    """Return the first file in config whose features are called so, if there is one."""
    from .hydrofabric import feature_id, read_features

    for path in sorted(Path("config").glob("*.geojson")):
        if any(str(feature_id(f)).startswith(prefix) for f in read_features(path)[:1]):
            return path
    return None


def _check(options: Namespace) -> None:
    from .check import check

    with _inside(options):
        realization, hydrofabric = _read(options)
        findings = check(
            realization, hydrofabric, catchments=options.catchments, route=options.route
        )
    if options.json:
        entries = [asdict(finding) for finding in findings]
        print(json.dumps(entries, indent=2, ensure_ascii=False))
    else:
        print(*findings, sep="\n", end="\n" if findings else "")
    errors = sum(finding.level == "error" for finding in findings)
    warnings = _counted(len(findings) - errors, "warning")
    if errors:
        raise ConfigError(f"{options.folder}: {_counted(errors, 'error')}, {warnings}")
    if not options.json:
        print(f"{options.folder}: ready to run, {warnings}")


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _run(options: Namespace) -> None:
    from .driver import run

    with _inside(options):
        realization, hydrofabric = _read(options)
        report = run(
            realization, hydrofabric, catchments=options.catchments, route=options.route
        )
    print(
        f"{options.folder / report.folder}: {report.catchments} catchments, "
        f"{report.nexuses} nexuses, {report.steps} hours"
    )
    if report.mass_watched:
        print(
            f"mass balance: largest residual {report.mass_residual:.3g}, "
            f"{report.mass_breaches} above the tolerance"
        )
    if report.river is not None:
        river = report.river
        print(
            f"{options.folder / river.path}: {river.reaches} reaches, "
            f"{river.residual:.3g} of {river.entered:.4g} m3 not accounted for"
        )
