#!/usr/bin/env python3
"""Derives the load files of the reference fleet from published series.

Usage: derive_load.py SOURCE_FOLDER [OUTPUT_FOLDER]      (default output: load/ beside this file)

Each file load/DATA_CENTER.csv is the foreground of one data center as a fraction of its capacity,
every 30 minutes over 28 days of history and 10 days to replay. Each comes from a series of human
activity, laid onto our calendar by whole weeks *in local civil time*: 09:00 on a Tuesday of the
source is 09:00 on a Tuesday of the data center, on both sides of any clock change.

The sources are CSV files with the header `timestamp_utc,load`. load/README.md says where they come
from and on what terms. The same sources give the same bytes: that is a test.
"""

import csv
import datetime
import pathlib
import statistics
import sys
import zoneinfo
from dataclasses import dataclass

DAY = datetime.timedelta(days=1)
STEP = datetime.timedelta(minutes=30)
HISTORY_START = datetime.datetime(2026, 2, 2, tzinfo=datetime.timezone.utc)  # a Monday
REPLAY_START = HISTORY_START + 28 * DAY
END = REPLAY_START + 10 * DAY

# A value that the source lacks is interpolated over at most this gap.
LONGEST_GAP = datetime.timedelta(hours=3)

# What a typical night (its median) and a busy part of a working day (its third quartile) become, as
# fractions of the capacity. With a target of 0.8 such a day leaves almost nothing for batch work,
# and a night more than half the machine.
NIGHT_LOAD = 0.25
NIGHT_HOURS = range(2, 5)
DAY_LOAD = 0.75
DAY_HOURS = range(9, 22)
LOWEST, HIGHEST = 0.05, 0.95


@dataclass(frozen=True)
class Derivation:
    """Which weeks of which series become the foreground of a data center."""

    data_center: str
    time_zone: str
    source: str
    source_zone: str
    first_monday: datetime.date  # of the source; becomes HISTORY_START's date


def derivation(data_center, time_zone, source, source_zone, first_monday):
    return Derivation(data_center, time_zone, source, source_zone,
                      datetime.date.fromisoformat(first_monday))


FLEET = [
    derivation("hangzhou", "Asia/Shanghai", "emea_gb_nationalgrid", "Europe/London", "2019-06-10"),
    derivation("singapore", "Asia/Singapore", "amer_nyc_taxi", "America/New_York", "2014-07-14"),
    derivation("frankfurt-1", "Europe/Berlin", "emea_france_rte", "Europe/Paris", "2017-09-11"),
    derivation("frankfurt-2", "Europe/Berlin", "emea_gb_nationalgrid", "Europe/London",
               "2018-11-12"),
    derivation("dubai", "Asia/Dubai", "emea_france_rte", "Europe/Paris", "2018-06-18"),
    derivation("virginia", "America/New_York", "amer_nyc_taxi", "America/New_York", "2014-09-08"),
    derivation("silicon-valley", "America/Los_Angeles", "amer_california_pge",
               "America/Los_Angeles", "2019-11-04"),
]


def parse_time(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def format_time(time):
    return time.strftime("%Y-%m-%dT%H:%M:%SZ")


def read_series(path):
    """The rows of a source as {start of the interval: value}."""
    with open(path, newline="", encoding="ascii") as file:
        rows = csv.reader(file)
        if next(rows) != ["timestamp_utc", "load"]:
            raise ValueError(f"{path}: not a load file")
        return {parse_time(time): float(value) for time, value in rows}


def value_at(series, time):
    """The series at a moment: its own value, else interpolated between its neighbours."""
    if time in series:
        return series[time]
    before = after = time
    while before not in series:
        before -= STEP
        if time - before > LONGEST_GAP:
            raise ValueError(f"no value near {format_time(time)}")
    while after not in series:
        after += STEP
        if after - time > LONGEST_GAP:
            raise ValueError(f"no value near {format_time(time)}")
    share = (time - before) / (after - before)
    return series[before] + share * (series[after] - series[before])


def raw_values(item, series):
    """(UTC, local time, value in the source's unit) of each step of our calendar."""
    zone = zoneinfo.ZoneInfo(item.time_zone)
    source_zone = zoneinfo.ZoneInfo(item.source_zone)
    shift = HISTORY_START.date() - item.first_monday
    if shift.days % 7 != 0:
        raise ValueError(f"{item.data_center}: {item.first_monday} is not a Monday")
    time = HISTORY_START
    while time < END:
        local = time.astimezone(zone)
        there = (local.replace(tzinfo=None) - shift).replace(tzinfo=source_zone)
        yield time, local, value_at(series, there.astimezone(datetime.timezone.utc))
        time += STEP


def derive(item, series):
    """(UTC, fraction of capacity) of each step."""
    rows = list(raw_values(item, series))
    night = statistics.median(value for _, local, value in rows if local.hour in NIGHT_HOURS)
    day = statistics.quantiles((value for _, local, value in rows
                                if local.hour in DAY_HOURS and local.weekday() < 5), n=4)[2]
    slope = (DAY_LOAD - NIGHT_LOAD) / (day - night)
    for time, _, value in rows:
        yield time, min(HIGHEST, max(LOWEST, NIGHT_LOAD + slope * (value - night)))


def main(arguments):
    if not 1 <= len(arguments) <= 2 or arguments[0].startswith("-"):
        print(__doc__, file=sys.stderr)
        return 2
    source = pathlib.Path(arguments[0])
    output = pathlib.Path(arguments[1] if len(arguments) == 2 else
                          pathlib.Path(__file__).parent / "load")
    output.mkdir(parents=True, exist_ok=True)
    for item in FLEET:
        rows = derive(item, read_series(source / f"{item.source}.csv"))
        with open(output / f"{item.data_center}.csv", "w", newline="", encoding="ascii") as file:
            file.write("timestamp_utc,load\n")
            for time, load in rows:
                file.write(f"{format_time(time)},{load:.4f}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
