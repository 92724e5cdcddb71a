"""The reference fleet of design.md: its data centers, their recorded load, and configurations."""

import bisect
import csv
import datetime
import pathlib
import zoneinfo
from dataclasses import dataclass

LOAD_FOLDER = pathlib.Path(__file__).resolve().parent / "load"

CORES = 16
MEMORY = "64GiB"
TARGET_UTILIZATION = 0.8
JURISDICTION_GROUPS = {"EU": ["DE", "FR", "IE", "SE"]}


@dataclass(frozen=True)
class DataCenter:
    name: str
    region: str
    time_zone: str
    jurisdiction: str
    latitude: float
    longitude: float

    @property
    def load_file(self):
        return LOAD_FOLDER / f"{self.name}.csv"

    def local(self, time):
        return time.astimezone(zoneinfo.ZoneInfo(self.time_zone))


DATA_CENTERS = {
    data_center.name: data_center for data_center in (
        DataCenter("hangzhou", "asia", "Asia/Shanghai", "CN", 30.27, 120.15),
        DataCenter("singapore", "asia", "Asia/Singapore", "SG", 1.35, 103.82),
        DataCenter("dubai", "emea", "Asia/Dubai", "AE", 25.20, 55.27),
        DataCenter("frankfurt-1", "emea", "Europe/Berlin", "DE", 50.11, 8.68),
        DataCenter("frankfurt-2", "emea", "Europe/Berlin", "DE", 50.12, 8.74),
        DataCenter("virginia", "americas", "America/New_York", "US", 39.04, -77.49),
        DataCenter("silicon-valley", "americas", "America/Los_Angeles", "US", 37.37, -121.97),
    )
}
REGIONS = ("asia", "emea", "americas")


def allowed_data_centers(residency):
    """The data centers where a job of this residency (codes, groups, or "any") may be."""
    if "any" in residency:
        return set(DATA_CENTERS)
    codes = {code for word in residency for code in JURISDICTION_GROUPS.get(word, [word])}
    return {name for name, item in DATA_CENTERS.items() if item.jurisdiction in codes}


class Load:
    """A recorded load, as a fraction of the capacity."""

    def __init__(self, rows):
        self.times = [time for time, _ in rows]
        self.values = [value for _, value in rows]

    @classmethod
    def read(cls, path):
        with open(path, newline="", encoding="ascii") as file:
            rows = csv.reader(file)
            next(rows)
            return cls([(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")),
                         float(value)) for time, value in rows])

    def before(self, end):
        """The rows before a moment."""
        count = bisect.bisect_left(self.times, end)
        return list(zip(self.times[:count], self.values[:count]))

    def at(self, time):
        """The load at a moment, between the rows on a straight line."""
        after = bisect.bisect_right(self.times, time)
        if after == 0 or after == len(self.times):
            return self.values[min(after, len(self.times) - 1)]
        begin, end = self.times[after - 1], self.times[after]
        share = (time - begin) / (end - begin)
        return self.values[after - 1] * (1 - share) + self.values[after] * share


@dataclass(frozen=True)
class Clock:
    """Scheduling time: at the real moment `anchor` (seconds of the epoch) it is `start`."""

    anchor: float
    start: datetime.datetime
    speed: float

    def at(self, real_seconds):
        passed = (real_seconds - self.anchor) * self.speed
        return self.start + datetime.timedelta(seconds=passed)

    def real(self, time):
        return self.anchor + (time - self.start).total_seconds() / self.speed


def format_time(time):
    return time.astimezone(datetime.timezone.utc).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


# What a move really takes on a machine that plays a whole fleet, from the signal to the next start.
MOVE_REAL_SECONDS = 0.6


def scheduler_config(*, port, http_port, state, clock, lease="60s"):
    """scheduler.yaml of the fleet under an accelerated clock."""
    move_pause = max(40, round(MOVE_REAL_SECONDS * clock.speed))
    anchor = datetime.datetime.fromtimestamp(clock.anchor, datetime.timezone.utc)
    lines = [
        f"listen: 127.0.0.1:{port}",
        f"http_listen: 127.0.0.1:{http_port}",
        f"store: {{sqlite: {state}/state.db}}",
        f"lease_duration: {lease}",
        "clock:",
        f"  anchor: {format_time(anchor)}",
        f"  start: {format_time(clock.start)}",
        f"  speed: {clock.speed:g}",
        f"planning: {{move_pause: {move_pause}s, move_cooldown: 2h}}",
        # Days pass in minutes: what has ended is there to be looked at afterwards.
        "retention: {ended_jobs: 365d}",
        "jurisdiction_groups:",
    ]
    for name, codes in JURISDICTION_GROUPS.items():
        lines.append(f"  {name}: {{codes: [{', '.join(codes)}]}}")
    lines.append("data_centers:")
    for item in DATA_CENTERS.values():
        lines += [
            f"  - name: {item.name}",
            f"    region: {item.region}",
            f"    time_zone: {item.time_zone}",
            f"    jurisdiction: {item.jurisdiction}",
            f"    latitude: {item.latitude}",
            f"    longitude: {item.longitude}",
            f"    target_utilization: {TARGET_UTILIZATION}",
        ]
    return "\n".join(lines) + "\n"


def agent_config(data_center, *, node, scheduler_port, port, http_port, state):
    """agent.yaml of the one node of a data center, whose load is a recorded one."""
    return "\n".join([
        f"node: {node}",
        f"data_center: {data_center.name}",
        f"jurisdiction: {data_center.jurisdiction}",
        f"scheduler: 127.0.0.1:{scheduler_port}",
        f"listen: 127.0.0.1:{port}",
        f"http_listen: 127.0.0.1:{http_port}",
        f"state_directory: {state}",
        f"capacity: {{cores: {CORES}, memory_bytes: {MEMORY}}}",
        # Real time: 5 minutes of a day that takes a minute.
        "load:",
        "  interval: 200ms",
        f"  replay: {{file: {data_center.load_file}, peak: 1, time_zone: {data_center.time_zone}}}",
        # The pressure of this one machine says nothing about seven data centers.
        "yield: {freeze_above_cpu_pressure_percent: 0}",
    ]) + "\n"
