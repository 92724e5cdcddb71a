"""The verdict of the quickstart: it holds for a good run, and each planted fault breaks its line."""

import copy
import datetime
import os
import pathlib
import sys
import unittest

sys.path.insert(0, str(pathlib.Path(os.environ["HT_SOURCE_DIR"]) / "deploy" / "fleet"))

import evidence  # noqa: E402
import fleet  # noqa: E402
import work  # noqa: E402

START = datetime.datetime(2026, 3, 2, 14, 0, tzinfo=datetime.timezone.utc)
HOUR = 10.0  # Real seconds.
CLOCK = fleet.Clock(anchor=1000.0, start=START, speed=3600 / HOUR)


def process(attempt, data_center, begin_hour, end_hour, restored, done, how):
    return evidence.Process(attempt, data_center, 1000 + begin_hour * HOUR, 1000 + end_hour * HOUR,
                            restored, done, how)


def plan(name, **options):
    values = {"cores": 2.0, "steps": 20, "first": 1000, "segment": 50, "residency": ("any",)}
    return evidence.TaskPlan(name=name, **{**values, **options})


PLANS = [
    plan("globe/0", deadline=START + datetime.timedelta(hours=30)),
    plan("eu/0", residency=("EU",), first=5000),
    plan("whole/0", checkpoints=False, first=0),
]


def good_runs():
    return {
        "globe/0": [process(1, "hangzhou", 1, 8, 0, 7, "save"),
                    process(2, "frankfurt-1", 9, 14, 7, 12, "save"),
                    process(2, "frankfurt-1", 14.1, 15, 12, 13, "save"),
                    process(3, "virginia", 16, 24, 13, 20, "finish")],
        "eu/0": [process(1, "frankfurt-2", 8, 20, 0, 20, "finish")],
        "whole/0": [process(1, "singapore", 2, 5, 0, 20, "finish")],
    }


def good_results():
    results = {}
    for item in PLANS:
        primes, chain = evidence.expected_result(item)
        results[item.name] = {"primes": primes, "chain": chain, "carried": []}
    results["globe/0"]["carried"] = [{"steps": 7}, {"steps": 12}, {"steps": 13}]
    return results


def loads(value=0.3):
    rows = [(START + datetime.timedelta(hours=hour), value) for hour in range(49)]
    return {name: fleet.Load(rows) for name in fleet.DATA_CENTERS}


def broken_lines(*, runs=None, results=None, states=None, load=0.3):
    checks = evidence.verdict(
        plans=PLANS, runs=runs or good_runs(), results=results or good_results(),
        states=states or {item.name: "SUCCEEDED" for item in PLANS}, loads=loads(load),
        clock=CLOCK)
    return {check.name for check in checks if not check.holds}


class VerdictTest(unittest.TestCase):
    def test_a_good_run_holds(self):
        self.assertEqual(broken_lines(), set())

    def test_only_what_is_handed_on_counts_as_carried(self):
        """A save before the first step is taken over, too; a killed process hands on nothing."""
        runs, results = good_runs(), good_results()
        runs["eu/0"] = [process(1, "frankfurt-1", 7, 7.1, 0, 0, "save"),
                        process(2, "frankfurt-2", 8, 9, 0, 3, "cut"),
                        process(3, "frankfurt-2", 10, 20, 0, 20, "finish")]
        results["eu/0"]["carried"] = [{"steps": 0}]
        self.assertEqual(broken_lines(runs=runs, results=results), set())

    def test_each_planted_fault_breaks_its_line(self):
        def runs(task, index, **changes):
            value = copy.deepcopy(good_runs())
            for key, change in changes.items():
                setattr(value[task][index], key, change)
            return {"runs": value}

        def results(task, **changes):
            value = copy.deepcopy(good_results())
            value[task].update(changes)
            return {"results": value}

        twice = good_runs()
        twice["whole/0"].append(process(2, "dubai", 6, 9, 0, 20, "finish"))
        still = good_runs()
        for item in still["globe/0"]:
            item.data_center = "hangzhou"
        for name, fault, line in (
                ("a task is cancelled", {"states": {"globe/0": "CANCELLED"}}, "finished"),
                ("a task never finishes", runs("eu/0", 0, how="cut"), "finished"),
                ("a task finishes twice", {"runs": twice}, "finished"),
                ("a task that cannot checkpoint is started twice", {"runs": twice},
                 "one attempt at a time"),
                ("a result is wrong", results("eu/0", chain="0"), "results"),
                ("a deadline is missed", runs("globe/0", 3, end=1000 + 31 * HOUR), "deadlines"),
                ("steps get lost on a move", runs("globe/0", 1, restored=5), "work carried"),
                ("a restart begins at nothing", runs("globe/0", 2, restored=0), "work carried"),
                ("the job counts otherwise", results("globe/0", carried=[]), "work carried"),
                ("nothing moves", {"runs": still}, "work carried"),
                ("EU work runs in Dubai", runs("eu/0", 0, data_center="dubai"), "residency"),
                ("two attempts overlap", runs("globe/0", 1, begin=1000 + 7 * HOUR),
                 "one attempt at a time"),
                ("attempt numbers go back", runs("globe/0", 3, attempt=1),
                 "one attempt at a time"),
                ("batch runs by day", {"load": 0.75}, "foreground"),
                ("nothing goes around the world", {"runs": still}, "around the world"),
        ):
            with self.subTest(name):
                self.assertIn(line, broken_lines(**fault))


class ProcessesOfTest(unittest.TestCase):
    def test_notes_become_processes(self):
        def event(kind, time, done, attempt, pid, data_center="dubai"):
            return (f'{{"event": "{kind}", "time": {time}, "done": {done}, "attempt": {attempt}, '
                    f'"pid": {pid}, "data_center": "{data_center}"}}')

        lines = [event("start", 1, 0, 1, 10), event("step", 3, 10, 1, 10),
                 event("save", 4, 12, 1, 10), event("start", 5, 12, 1, 11),
                 event("step", 8, 20, 1, 11), event("start", 9, 12, 2, 12, "virginia"),
                 event("finish", 11, 30, 2, 12, "virginia"), '{"event": "st']
        found = evidence.processes_of(evidence.read_events(lines))
        self.assertEqual(
            [(item.attempt, item.data_center, item.begin, item.end, item.restored, item.done,
              item.how) for item in found],
            [(1, "dubai", 1, 4, 0, 12, "save"), (1, "dubai", 5, 8, 12, 20, "cut"),
             (2, "virginia", 9, 11, 12, 30, "finish")])


class JourneyTest(unittest.TestCase):
    def test_it_names_each_stop_with_its_local_time(self):
        self.assertEqual(
            evidence.journey(good_runs()["globe/0"], CLOCK),
            "hangzhou 23:00 -> frankfurt-1 00:00 -> virginia 01:00")
        self.assertEqual(evidence.journey([], CLOCK), "has not run")

    def test_a_night_later_in_the_same_place_is_a_stop_of_its_own(self):
        self.assertEqual(
            evidence.journey([process(1, "hangzhou", 1, 8, 0, 7, "save"),
                              process(1, "hangzhou", 8.2, 9, 7, 8, "save"),
                              process(2, "hangzhou", 25, 30, 8, 20, "finish")], CLOCK),
            "hangzhou 23:00 -> hangzhou 23:00")


class OverrunTest(unittest.TestCase):
    def test_only_what_batch_adds_above_the_target_counts(self):
        """16 cores, target 12.8: at a load of 0.75 two cores of batch are 1.2 above it; at 0.9 they
        are above it wholly, and what the foreground adds by itself is not theirs."""
        for load, over in ((0.6, 0.0), (0.75, 1.2), (0.9, 2.0)):
            with self.subTest(load):
                found = evidence.overrun_of(
                    [PLANS[1]], {"eu/0": [process(1, "frankfurt-2", 0, 10, 0, 20, "finish")]},
                    loads(load), CLOCK)
                self.assertAlmostEqual(found.batch_core_hours, 20.0)
                self.assertAlmostEqual(found.over_core_hours, 10 * over)


class ExpectedResultTest(unittest.TestCase):
    def test_the_job_and_the_check_agree_though_they_count_differently(self):
        for first in (0, 1, 1000, 99_999_990):
            item = plan("x/0", first=first, segment=97, steps=9)
            divisors = work.small_primes(int((first + 9 * 97) ** 0.5) + 1)
            chain, total = "", 0
            for step in range(9):
                primes = work.count_primes(first + step * 97, 97, divisors)
                total += primes
                chain = work.chain_on(chain, primes)
            self.assertEqual((total, chain), evidence.expected_result(item), first)

    def test_there_are_25_primes_below_100(self):
        self.assertEqual(evidence.expected_result(plan("x/0", first=0, segment=10, steps=10))[0],
                         25)


if __name__ == "__main__":
    unittest.main()
