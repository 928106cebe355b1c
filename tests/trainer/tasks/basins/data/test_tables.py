"""Text tables of basins, as people keep them."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest

from bmi_dmx.errors import ConfigError, DataError, DataProblems, UnitsError
from bmi_dmx.trainer.tasks.basins.data import BasinData, DataSpec, read
from bmi_dmx.trainer.tasks.basins.data.problems import all_at_once
from bmi_dmx.trainer.tasks.basins.data.read import read_for_training

from .spreadsheets import AREAS, IDS, write_folder


@pytest.fixture(autouse=True)
def _folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def read_tables(path: Path | str = "five", **keys: object) -> BasinData:
    return read(DataSpec(reader="tables", path=str(path), **keys))  # type: ignore[arg-type]


def change(name: str, old: str, new: str) -> None:
    path = Path("five") / name
    text = path.read_bytes().decode("cp1252")
    assert old in text
    path.write_bytes(text.replace(old, new).encode("cp1252"))


def test_a_spreadsheet_of_each_basin_is_read(caplog: pytest.LogCaptureFixture) -> None:
    series = write_folder(Path("five"))
    data = read_tables(attributes="both")
    order = [data.ids.tolist().index(name) for name in IDS]
    names = ("precipitation", "air_temperature_min", "air_temperature_max")
    for name, key in zip(names, ("rain", "low", "high"), strict=True):
        np.testing.assert_allclose(data.forcing[name][:, order], series[key], rtol=1e-6)
    np.testing.assert_allclose(data.target[:, order], series["flow"], rtol=1e-6)
    assert str(data.time[0]) == "2001-01-01"
    assert str(data.time[-1]) == "2003-03-11"
    np.testing.assert_allclose(data.attributes["area_km2"][order], AREAS)
    np.testing.assert_allclose(data.attributes["slope_mean"], 25.0)
    assert not any("name" in key for key in data.attributes)
    for text in ("read as Windows-1252", "parted by semicolons", "decimal commas",
                 "'1031500' is taken for '01031500'", "units assumed"):  # fmt: skip
        assert text in caplog.text, text


def test_one_long_table_is_read_like_a_folder() -> None:
    series = write_folder(Path("five"), 400)
    whole = read_tables(attributes="file")
    lines = ["site_no\tdate\tprecipitation[mm/d]\ttmin[degC]\ttmax[degC]\tflow[m3/s]"]
    for k, name in enumerate(IDS):
        for day in reversed(range(400)):
            when = np.datetime64("2001-01-01") + day
            flow = series["flow"][day, k] * AREAS[k] / 86.4
            weather = [series[n][day, k] for n in ("rain", "low", "high")]
            rest = "\t".join(f"{x:.3f}" for x in weather)
            lines.append(f"{name}\t{when}\t{rest}\t{flow:.7f}")
    Path("long.tsv").write_text("\n".join(lines), encoding="utf-8")
    places = str(Path("five/stations.csv").resolve())
    table = read_tables("long.tsv", attributes="file", places=places)
    assert table.ids.tolist() == whole.ids.tolist()
    for name, values in whole.forcing.items():
        np.testing.assert_allclose(table.forcing[name], values, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(table.target, whole.target, rtol=1e-4)


def test_years_months_and_days_may_stand_apart() -> None:
    lines = ["Year,Mnth,Day,Hr,prcp(mm/day),tmin(C),tmax(C),Q[mm d-1]"]
    days = np.datetime64("2000-02-25") + np.arange(10)
    for k, day in enumerate(days.astype(object)):
        lines.append(f"{day.year},{day.month},{day.day},12,{k},1,9,{k / 2}")
    text = "\n".join(lines).replace("(C)", "[degC]")
    Path("only.csv").write_text(text, encoding="utf-8")
    data = read_tables("only.csv", attributes="file")
    assert data.ids.tolist() == ["only"]
    assert [str(data.time[k]) for k in (0, 4, -1)] == [
        "2000-02-25", "2000-02-29", "2000-03-05",
    ]  # fmt: skip
    assert data.target[:, 0].tolist() == [k / 2 for k in range(10)]
    Path("only.csv").write_text(text.replace("2000,2,29", "2000,2,30"))
    with pytest.raises(DataError, match=r"only.csv: row 6: no such day: 2000, 2, 30"):
        read_tables("only.csv", attributes="file")


def test_days_that_a_table_lacks_are_missing_values(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_folder(Path("five"), 400, skip=(100, 101))
    with pytest.raises(DataError, match=r"01557500.*missing on 2001-04-11 \(2 missing"):
        read_tables(attributes="file")
    data = read_tables(attributes="file", gaps="hold")
    at = data.ids.tolist().index("01557500")
    assert np.flatnonzero(np.isnan(data.target[:, at])).tolist() == [100, 101]
    assert "1 of 5 tables lack times, which count as missing values" in caplog.text


@pytest.mark.parametrize(
    ("units", "given", "message"),
    [
        (("mm/d", "°C", "°C", ""), {}, "column 'Q' has no units: a depth or a volume"),
        (("K", "°C", "°C", "mm"), {}, "units 'K' cannot be converted into 'mm d-1'"),
        (("mm/d", "°C", "°C", "W"), {}, "expected a depth or a volume"),
    ],
)
def test_units_must_be_known_and_fit(
    units: tuple[str, ...], given: dict[str, str], message: str
) -> None:
    write_folder(Path("five"), 300, units=units)
    with pytest.raises(UnitsError, match=message):
        read_tables(attributes="file", units=given)


def test_units_may_be_given_where_the_tables_have_none() -> None:
    series = write_folder(Path("five"), 300, units=("", "", "", ""))
    data = read_tables(attributes="file", units={"streamflow": "m3/s"})
    at = data.ids.tolist().index(IDS[3])
    depth = series["flow"][:, 3] * 86.4 / AREAS[3]
    np.testing.assert_allclose(data.target[:, at], depth, rtol=1e-6)
    with pytest.raises(ConfigError, match="unknown forcing 'streamflw'; did you mean"):
        DataSpec(units={"streamflw": "mm/d"})


@pytest.mark.parametrize(
    ("file", "old", "new", "message"),
    [
        ("01031500.csv", "05.01.2001", "04.01.2001", "2001-01-04 00:00:00 is given tw"),
        ("01031500.csv", "Datum;", "When;", "names none of 4 basins"),
        ("01031500.csv", "Prcp", "Regen", "01557500.csv: no column|no precipitation"),
        ("01031500.csv", "03.01.2001;", "3.13.2001;", "row 4: found '3.13.2001'"),
        ("stations.csv", "1557500;", "1031500;", "'1031500' is given twice, in rows 2"),
        ("stations.csv", "lat;", "lat [m];", "units 'm' cannot be converted"),
    ],
)
def test_what_is_wrong_is_named(file: str, old: str, new: str, message: str) -> None:
    write_folder(Path("five"), 300)
    change(file, old, new)
    with pytest.raises((DataError, UnitsError), match=message):
        read_tables(attributes="file")


def test_a_forcing_can_be_moved() -> None:
    write_folder(Path("five"), 300)
    plain = read_tables(attributes="file")
    later = read_tables(attributes="file", shift={"precipitation": 1})
    rain = plain.forcing["precipitation"]
    np.testing.assert_array_equal(later.forcing["precipitation"], rain[:-1])
    np.testing.assert_array_equal(later.target, plain.target[1:])
    assert later.time[0] == plain.time[1]
    earlier = read_tables(attributes="file", shift={"precipitation": -2})
    np.testing.assert_array_equal(earlier.forcing["precipitation"], rain[2:])
    np.testing.assert_array_equal(earlier.target, plain.target[:-2])
    with pytest.raises(ConfigError, match="found 100, expected at most 48 steps"):
        DataSpec(shift={"precipitation": 100})


def test_data_may_be_without_observations() -> None:
    write_folder(Path("five"), 300)
    for name in IDS:
        change(f"{name}.csv", ";Q [mm/d]", ";note")
    with pytest.raises(DataError, match=r"no observed streamflow under .*data.target"):
        read_tables(attributes="file")
    assert np.isnan(read_tables(attributes="file", target="none").target).all()


def test_basins_without_observations_may_be_left_out(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_folder(Path("five"), 300)
    text = Path("five/01031500.csv").read_bytes().decode("cp1252")
    cut = [line.rpartition(";")[0] + ";" for line in text.splitlines()[1:]]
    whole = "\r\n".join([text.splitlines()[0], *cut])
    Path("five/01031500.csv").write_bytes(whole.encode("cp1252"))
    spec = DataSpec(
        reader="tables", path="five", attributes="file", unobserved="leave_out"
    )
    data = read_for_training(spec, (date(2001, 2, 1), date(2001, 3, 1)))
    assert data.ids.tolist() == sorted(set(IDS) - {"01031500"})
    assert "1 of 5 basins have no observation in the training period" in caplog.text
    assert "01031500" in caplog.text


def test_capitals_in_headings_do_not_matter() -> None:
    write_folder(Path("five"), 300)
    whole = read_tables(attributes="file")
    for name in ("01031500.csv", "06354000.csv"):
        change(name, "Prcp [", "PRCP [")
        change(name, "tmin [", "Tmin [")
    data = read_tables(attributes="file")
    for name, series in whole.forcing.items():
        np.testing.assert_array_equal(data.forcing[name], series)


def test_files_that_are_no_text_are_said(caplog: pytest.LogCaptureFixture) -> None:
    write_folder(Path("five"), 300)
    for name in ("02479560.xlsx", "02479560.zip", "notes.md"):
        Path("five", name).write_bytes(b"PK")
    assert len(read_tables(attributes="file").ids) == len(IDS)
    message = "2 files are no text and passed over (02479560.xlsx, 02479560.zip)"
    assert message in caplog.text


def test_places_where_no_rivers_are_are_doubted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    write_folder(Path("five"), 300)
    head = Path("five/stations.csv").read_bytes().decode("cp1252").split("\r\n")[0]
    read_tables(attributes="file")
    assert "exchanged" not in caplog.text
    change("stations.csv", head, head.replace("lat;lon", "lon;lat"))
    read_tables(attributes="file")
    assert "are latitude and longitude exchanged?" in caplog.text


def test_sums_since_some_time_are_doubted(caplog: pytest.LogCaptureFixture) -> None:
    write_folder(Path("five"), 300)
    read_tables(attributes="file")
    assert "never falls" not in caplog.text
    for path in Path("five").glob("[0-9]*.csv"):
        head, *rows = path.read_bytes().decode("cp1252").split("\r\n")
        total, summed = 0.0, []
        for row in filter(None, rows):
            day, rain, rest = row.split(";", 2)
            total += float(rain.replace(",", ".")) / 100.0
            summed.append(f"{day};{total:.4f};{rest}".replace(".", ",", 0))
        text = "\r\n".join([head, *summed, ""]).replace(",", ".")
        path.write_bytes(text.encode("cp1252"))
    read_tables(attributes="file")
    assert "never falls in 300 steps: is it a sum since some time" in caplog.text


def test_a_fault_in_every_table_is_told_once_each() -> None:
    write_folder(Path("five"), 300)
    for name in IDS:
        change(f"{name}.csv", "05.01.2001;", "05.01.2001;?x")
    with pytest.raises(DataProblems) as raised, all_at_once():
        read_tables(attributes="file")
    assert len(raised.value.problems) == len(IDS)
