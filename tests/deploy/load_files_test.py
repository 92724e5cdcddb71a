"""The load files of the reference fleet: small, valid, and days that look like days."""

import csv
import datetime
import os
import pathlib
import statistics
import subprocess
import sys
import tempfile
import unittest
import zoneinfo

SOURCE_DIR = pathlib.Path(os.environ["HT_SOURCE_DIR"])
FLEET = SOURCE_DIR / "deploy" / "fleet"
LOAD = FLEET / "load"
DATA_CENTERS = {
    "hangzhou": "Asia/Shanghai", "singapore": "Asia/Singapore", "frankfurt-1": "Europe/Berlin",
    "frankfurt-2": "Europe/Berlin", "dubai": "Asia/Dubai", "virginia": "America/New_York",
    "silicon-valley": "America/Los_Angeles",
}


def read(path):
    with open(path, newline="", encoding="ascii") as file:
        rows = list(csv.reader(file))
    if rows[0] != ["timestamp_utc", "load"]:
        raise ValueError(f"{path}: wrong header")
    return [(datetime.datetime.fromisoformat(time.replace("Z", "+00:00")), float(load))
            for time, load in rows[1:]]


class LoadFilesTest(unittest.TestCase):
    def test_there_is_one_for_each_data_center_and_they_are_small(self):
        files = {path.stem: path for path in LOAD.glob("*.csv")}
        self.assertEqual(set(files), set(DATA_CENTERS))
        self.assertLess(sum(path.stat().st_size for path in files.values()), 1_000_000)

    def test_each_covers_the_calendar_without_a_gap(self):
        for name in DATA_CENTERS:
            with self.subTest(name):
                rows = read(LOAD / f"{name}.csv")
                self.assertEqual(rows[0][0].isoformat(), "2026-02-02T00:00:00+00:00")
                self.assertEqual(len(rows), 38 * 48)
                steps = {after - before for (before, _), (after, _) in zip(rows, rows[1:])}
                self.assertEqual(steps, {datetime.timedelta(minutes=30)})

    def test_each_is_a_fraction_of_the_capacity(self):
        for name in DATA_CENTERS:
            with self.subTest(name):
                loads = [load for _, load in read(LOAD / f"{name}.csv")]
                self.assertGreaterEqual(min(loads), 0.05)
                self.assertLessEqual(max(loads), 0.95)

    def test_nights_are_quiet_and_working_days_are_busy_in_local_time(self):
        for name, zone in DATA_CENTERS.items():
            with self.subTest(name):
                night, day = [], []
                for time, load in read(LOAD / f"{name}.csv"):
                    local = time.astimezone(zoneinfo.ZoneInfo(zone))
                    if local.hour in range(1, 5):
                        night.append(load)
                    elif local.hour in range(9, 21) and local.weekday() < 5:
                        day.append(load)
                self.assertLess(statistics.median(night), 0.35)
                self.assertGreater(statistics.median(day), 0.55)

    def test_no_two_are_alike(self):
        contents = {(LOAD / f"{name}.csv").read_bytes() for name in DATA_CENTERS}
        self.assertEqual(len(contents), len(DATA_CENTERS))

    def test_the_readme_names_each(self):
        readme = (LOAD / "README.md").read_text(encoding="utf-8")
        for name in DATA_CENTERS:
            self.assertIn(f"| {name}.csv |", readme)

    @unittest.skipUnless(os.environ.get("HT_LOAD_SOURCES"), "the sources are not at hand")
    def test_the_sources_give_the_same_bytes(self):
        with tempfile.TemporaryDirectory() as folder:
            subprocess.run([sys.executable, FLEET / "derive_load.py",
                            os.environ["HT_LOAD_SOURCES"], folder], check=True, timeout=120)
            for name in DATA_CENTERS:
                self.assertEqual((pathlib.Path(folder) / f"{name}.csv").read_bytes(),
                                 (LOAD / f"{name}.csv").read_bytes(), name)


if __name__ == "__main__":
    unittest.main()
