"""The parts of the quickstart that need no daemon: fleet, jobs, view, processes, the example job."""

import datetime
import json
import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

FLEET = pathlib.Path(os.environ["HT_SOURCE_DIR"]) / "deploy" / "fleet"
sys.path.insert(0, str(FLEET))

import evidence  # noqa: E402
import fleet  # noqa: E402
import jobs  # noqa: E402
import processes  # noqa: E402
import view  # noqa: E402

START = datetime.datetime(2026, 3, 2, 14, 0, tzinfo=datetime.timezone.utc)


class FleetTest(unittest.TestCase):
    def test_residency_words_become_data_centers(self):
        for residency, allowed in (
                (("any",), set(fleet.DATA_CENTERS)),
                (("EU",), {"frankfurt-1", "frankfurt-2"}),
                (("CN",), {"hangzhou"}),
                (("EU", "US"), {"frankfurt-1", "frankfurt-2", "virginia", "silicon-valley"}),
                (("XX",), set())):
            with self.subTest(residency):
                self.assertEqual(fleet.allowed_data_centers(residency), allowed)

    def test_load_runs_straight_between_its_rows(self):
        hour = datetime.timedelta(hours=1)
        load = fleet.Load([(START, 0.2), (START + hour, 0.6)])
        for hours, value in ((-1, 0.2), (0, 0.2), (0.25, 0.3), (1, 0.6), (5, 0.6)):
            self.assertAlmostEqual(load.at(START + hours * hour), value)
        self.assertEqual(load.before(START + hour), [(START, 0.2)])

    def test_the_clock_turns_both_ways(self):
        clock = fleet.Clock(anchor=1000.0, start=START, speed=1440)
        self.assertEqual(clock.at(1060.0), START + datetime.timedelta(days=1))
        self.assertAlmostEqual(clock.real(START + datetime.timedelta(days=1)), 1060.0)


class JobsTest(unittest.TestCase):
    def test_the_mix_has_every_kind_of_work(self):
        residencies = {job.residency for job in jobs.MIX}
        self.assertLessEqual({("EU",), ("CN",), ("any",)}, residencies)
        self.assertTrue(any(not job.checkpoints for job in jobs.MIX))
        self.assertTrue(any(job.count > 1 and job.name == "sweep" for job in jobs.MIX))
        self.assertTrue(any(job.priority > 0 and job.deadline_hours <= 6 for job in jobs.MIX))
        self.assertGreater(sum(job.hours > 12 and job.checkpoints for job in jobs.MIX), 3)

    def test_no_two_tasks_have_numbers_in_common(self):
        plans = sorted(jobs.plans(jobs.MIX, START), key=lambda plan: plan.first)
        for before, after in zip(plans, plans[1:]):
            self.assertLess(before.first + before.steps * before.segment, after.first)

    def test_the_tasks_find_the_numbers_that_the_verdict_expects(self):
        sweep = next(job for job in jobs.MIX if job.name == "sweep")
        arguments = jobs.submit_arguments(jobs.MIX, sweep, start=START, step_seconds=0.25,
                                          program=["work.py"], evidence_folder=None)
        first = int(arguments[arguments.index("--first") + 1])
        stride = int(arguments[arguments.index("--stride") + 1])
        self.assertEqual([plan.first for plan in jobs.plans(jobs.MIX, START)
                          if plan.name.startswith("sweep/")],
                         [first + index * stride for index in range(sweep.count)])


class ViewTest(unittest.TestCase):
    def test_a_bar_shows_foreground_batch_and_target(self):
        for foreground, batch, bar in ((8, 4, "█████▒▒·|·"), (4, 0, "██······|·"),
                                       (15.9, 0.1, "██████████"), (0, 0.1, "▒·······|·")):
            row = view.Row("x", "Mon 00:00", 16.0, foreground, batch, 0)
            self.assertEqual(view.bar(row, 10, color=False), bar)

    def test_rows_come_by_region_from_the_commands_answer(self):
        answer = {"data_centers": [
            {"name": f"dataCenters/{name}", "capacity_milli_cores": "16000",
             "foreground_milli_cores": "8000", "batch_milli_cores": "1500", "task_count": 1}
            for name in sorted(fleet.DATA_CENTERS)]}
        rows = view.rows_of(answer, START)
        self.assertEqual([row.name for row in rows], [
            "hangzhou", "singapore", "dubai", "frankfurt-1", "frankfurt-2", "virginia",
            "silicon-valley"])
        self.assertEqual((rows[0].local, rows[0].foreground, rows[0].batch), ("Mon 22:00", 8, 1.5))
        lines = view.frame(rows=rows, now=START, hours=0, days=2, counts={"running": 7}, width=80,
                           color=False)
        self.assertEqual(len(lines), 10)
        self.assertLessEqual(max(map(len, lines)), 80)

    def test_moves_are_told_and_first_placements_are_not(self):
        decision = {"kind": "KIND_MOVE", "time": "2026-03-02T21:05:00Z", "attempt": 1,
                    "task": "jobs/globe-1/tasks/0", "from_data_center": "dataCenters/hangzhou",
                    "to_data_center": "dataCenters/dubai", "node": "", "reason": "LOAD_RISES",
                    "detail": "71% expected at 07:00"}
        self.assertEqual(view.decision_line(decision, 100),
                         "21:05 globe-1/0      moves hangzhou -> dubai: LOAD_RISES "
                         "(71% expected at 07:00)")
        self.assertIsNone(view.decision_line({**decision, "kind": "KIND_PLACE"}, 100))
        goes_on = {**decision, "kind": "KIND_PLACE", "attempt": 2}
        self.assertIn("goes on", view.decision_line(goes_on, 100))
        self.assertIsNone(view.decision_line({**goes_on, "reason": "MOVE_TARGET"}, 100))
        self.assertEqual(view.decision_line(decision, 30), "21:05 globe-1/0      moves ha…"[:30])


class ProcessesTest(unittest.TestCase):
    def test_orphans_in_sessions_of_their_own_are_ended_too(self):
        """In a process of its own: the reaper's role must not leak into other tests."""
        script = f"""
import os, subprocess, sys, time
sys.path.insert(0, {str(FLEET)!r})
import processes
processes.become_reaper()
child = subprocess.Popen(["/bin/sh", "-c", "setsid sleep 1000 & setsid sleep 1001 & echo up"],
                         stdout=subprocess.PIPE)
child.stdout.readline()
child.wait()
deadline = time.monotonic() + 20
while len(processes.descendants(os.getpid())) < 2 and time.monotonic() < deadline:
    time.sleep(0.01)
find = lambda: processes.descendants(os.getpid())
print(len(find()), processes.end_all(find), processes.descendants(os.getpid()))
"""
        result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True,
                                timeout=60, check=True)
        self.assertEqual(result.stdout.strip(), "2 True []")

    def test_only_our_own_programs_are_found_by_a_path(self):
        with tempfile.TemporaryDirectory() as mark:
            idle = ["-c", "import time; time.sleep(1000)", mark]
            for name, ours in (("/x/heliotrope-agent", True), ("tail", False), ("python3", False)):
                process = subprocess.Popen([name, *idle], executable=sys.executable)
                try:
                    self.assertEqual(processes.ours_that_mention(mark),
                                     [process.pid] if ours else [], name)
                finally:
                    process.kill()
                    process.wait()
        job = ["/usr/bin/python3", "-IS", "/scratch/work.py", "--steps", "3"]
        self.assertTrue(processes.is_ours(job))
        self.assertFalse(processes.is_ours(["vim", "/scratch/work.py"]))

    def test_free_ports_differ(self):
        self.assertEqual(len(set(processes.free_ports(20))), 20)


class WorkTest(unittest.TestCase):
    """The example job keeps the checkpoint contract, with us in the agent's place."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        for name in ("checkpoint", "output", "notes"):
            (self.folder / name).mkdir()

    def start(self, attempt, data_center, step_seconds):
        environment = {
            "HELIOTROPE_JOB_ID": "globe", "HELIOTROPE_TASK_INDEX": "1",
            "HELIOTROPE_ATTEMPT": str(attempt), "HELIOTROPE_DATACENTER": data_center,
            "HELIOTROPE_CHECKPOINT_DIR": str(self.folder / "checkpoint"),
            "HELIOTROPE_OUTPUT_DIR": str(self.folder / "output")}
        return subprocess.Popen(
            [sys.executable, "-IS", FLEET / "work.py", "--first", "5000", "--stride", "1000",
             "--segment", "100", "--steps", "40", "--step-seconds", str(step_seconds),
             "--evidence", self.folder / "notes"],
            env=environment, stdout=subprocess.PIPE, text=True)

    def processes(self):
        notes = self.folder / "notes" / "globe.1.jsonl"
        lines = notes.read_text().splitlines() if notes.exists() else []
        return evidence.processes_of(evidence.read_events(lines))

    def test_it_saves_when_told_goes_on_where_it_was_and_is_right(self):
        first = self.start(1, "hangzhou", 0.05)
        deadline = time.monotonic() + 30
        while not (self.processes() and self.processes()[0].done >= 10):
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.01)
        first.send_signal(signal.SIGTERM)
        first.communicate(timeout=30)
        self.assertEqual(first.returncode, 85)
        second = self.start(2, "virginia", 0)
        said, _ = second.communicate(timeout=30)
        self.assertEqual(second.returncode, 0)

        one, two = self.processes()
        self.assertEqual((one.how, two.how, two.restored, two.done), ("save", "finish", one.done, 40))
        self.assertIn(f"{one.done} of 40 steps came along", said)
        result = json.loads((self.folder / "output" / "result.json").read_text())
        plan = evidence.TaskPlan(name="globe/1", cores=1, steps=40, first=6000, segment=100,
                                 residency=("any",))
        self.assertEqual((result["primes"], result["chain"]), evidence.expected_result(plan))
        self.assertEqual(result["carried"],
                         [{"attempt": 2, "steps": one.done, "data_center": "virginia"}])

    def test_it_refuses_options_that_it_does_not_know(self):
        result = subprocess.run([sys.executable, "-IS", FLEET / "work.py", "--step", "3"],
                                capture_output=True, text=True, timeout=30, check=False)
        self.assertEqual(result.returncode, 1)
        self.assertIn('unknown option "--step"', result.stderr)


if __name__ == "__main__":
    unittest.main()
