#!/usr/bin/env python3
"""Backtests the forecaster on a folder of series and prints the table of scheduler/curve/README.md.

Usage: tests/bench/curve_figures.py FOLDER [--command build/release/bin/heliotrope] [--jobs N]

FOLDER holds series as CSV (header `timestamp_utc,load`) and INDEX.csv, which names for each its
`file`, its time zone `tz`, its step `resolution_s` and its number of `rows`. Each is forecast over its
last 14 days (a shorter one over its last quarter), every 6 hours for the next 24.
"""

import argparse
import concurrent.futures
import csv
import json
import pathlib
import statistics
import subprocess
import sys

BANDS = {"p90": (87, 93), "p95": (92, 97.5), "p97": (94.5, 99)}
DAYS_FOR_A_WHOLE_TEST = 28


def backtest(command, folder, row):
    days = int(row["rows"]) * int(row["resolution_s"]) / 86400
    whole = days >= DAYS_FOR_A_WHOLE_TEST
    test = "14d" if whole else f"{max(1, int(days / 4))}d"
    run = subprocess.run(
        [command, "curve", "backtest", "--load", folder / row["file"], "--time-zone", row["tz"],
         "--test", test, "--compare", "--json"], capture_output=True, text=True, check=False)
    if run.returncode != 0:
        raise RuntimeError(f"{row['file']}: {run.stderr.strip()}")
    return json.loads(run.stdout), whole


def cell(scores, key):
    value = scores.get(key)
    return "-" if value is None else f"{value:.2f}"


def line(row, figures, whole):
    compare = figures["compare"]
    naive = [compare[name]["wape_percent"] for name in ("naive_day", "naive_week")
             if "wape_percent" in compare[name]]
    coverage = figures["coverage_percent"]
    covers = " / ".join(f"{coverage[name]:.1f}" + ("" if low <= coverage[name] <= high else "*")
                        for name, (low, high) in BANDS.items())
    name = row["file"].removesuffix(".csv") + ("" if whole else " (short)")
    return (f"| {name} | {figures['wape_percent']:.2f} | {figures['mase']:.2f} "
            f"| {cell(compare['naive_day'], 'wape_percent')} "
            f"| {cell(compare['naive_week'], 'wape_percent')} "
            f"| {cell(compare['profile_level'], 'wape_percent')} "
            f"| {figures['wape_percent'] / min(naive):.2f} | {covers} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--command", default="build/release/bin/heliotrope")
    parser.add_argument("--jobs", type=int, default=2)
    options = parser.parse_args()
    with open(options.folder / "INDEX.csv", newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    print("| series | WAPE % | MASE | a day before | a week before | profile and level | of the better "
          "naive | p90 / p95 / p97 cover % |")
    print("|---|---|---|---|---|---|---|---|")
    done = []
    with concurrent.futures.ThreadPoolExecutor(options.jobs) as pool:
        answers = pool.map(lambda row: backtest(options.command, options.folder, row), rows)
        for row, (figures, whole) in zip(rows, answers):
            print(line(row, figures, whole), flush=True)
            if whole:
                done.append(figures)
    if done:
        medians = {name: statistics.median(item["coverage_percent"][name] for item in done)
                   for name in BANDS}
        print(f"| median of the whole ones | {statistics.median(i['wape_percent'] for i in done):.2f} "
              f"| {statistics.median(i['mase'] for i in done):.2f} | | | | | "
              + " / ".join(f"{value:.1f}" for value in medians.values()) + " |")
    print("\n`*`: outside of " + ", ".join(f"{name} {low} to {high}"
                                            for name, (low, high) in BANDS.items()))
    return 0


if __name__ == "__main__":
    sys.exit(main())
