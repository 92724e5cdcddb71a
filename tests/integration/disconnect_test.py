"""What runs, stops and starts again when the scheduler is down, or a node cut off, for longer than a
lease: exactly what scheduler/design/0003-leases.md says, for each on_disconnect.

HT_LEASES_AWAY (default 3) is how many leases it lasts; 60 of them are the design's hour.
"""

import os
import unittest

import grpc

import fleet
from fleet import FleetTest, counter, fleet_pb2, jobs_pb2, until
from proxy import Proxies

LEASE = 6.0
AWAY = float(os.environ.get("HT_LEASES_AWAY", "3")) * LEASE
# More steps than the test lasts: what counts so far ends when it is told to.
LONG = 1_000_000


def starts(lines):
    return [line for line in lines if line[0] == "start"]


class DisconnectTest(FleetTest):
    def submit_all(self):
        """A job that stops, one that saves and stops, one that continues; each with its evidence."""
        self.files = {}
        for name, fields in (("stops", {}), ("saves", {"checkpoint": 0, "grace": 3}),
                             ("continues", {})):
            path = os.path.join(self.root, f"evidence-{name}")
            with open(path, "a", encoding="utf-8"):
                pass
            os.chmod(path, 0o666)
            self.files[name] = path
            job = fleet.job_of(counter(path, LONG), **fields)
            if name == "continues":
                job.task.on_disconnect = jobs_pb2.TaskTemplate.ON_DISCONNECT_CONTINUE
            self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job_id=name, job=job), timeout=10)
            self.until_task_runs(f"jobs/{name}")
            until(lambda: starts(self.lines(path)), f"{name} has started")

    def pid(self, name):
        return int(starts(self.lines(self.files[name]))[-1][4])

    def until_stopped(self):
        pids = {name: self.pid(name) for name in ("stops", "saves")}
        until(lambda: not any(fleet.alive(pid) for pid in pids.values()), "they stop by their lease")
        saved = [line for line in self.lines(self.files["saves"]) if line[0] == "save"]
        self.assertEqual(len(saved), 1, "what can save was told to")
        return int(saved[0][2])

    def until_away_for(self, seconds):
        """Until the job that continues has lived on for so long."""
        pid = self.pid("continues")

        def age():
            with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
                started = int(stat.read().rsplit(")", 1)[1].split()[19])
            with open("/proc/uptime", encoding="ascii") as uptime:
                return float(uptime.read().split()[0]) - started / os.sysconf("SC_CLK_TCK")

        begin = age()
        until(lambda: age() >= begin + seconds, "it is an hour of lease time",
              seconds + fleet.DEADLINE)

    def assert_continued(self):
        """One attempt, one start, and it still counts."""
        self.assertEqual(len(self.tasks("jobs/continues")[0].attempts), 1)
        self.assertEqual(len(starts(self.lines(self.files["continues"]))), 1)
        self.assertTrue(fleet.alive(self.pid("continues")))

    def test_a_scheduler_that_is_down(self):
        scheduler = self.scheduler(lease=f"{LEASE}s")
        self.agent("f1", "frankfurt-1")
        self.submit_all()
        scheduler.kill()
        saved = self.until_stopped()
        self.until_away_for(AWAY)
        scheduler.start()
        self.until_answers()
        for name, count in (("stops", 0), ("saves", saved)):
            again = until(lambda: len(starts(self.lines(self.files[name]))) > 1 and
                          starts(self.lines(self.files[name]))[1], f"{name} starts again")
            self.assertEqual(again[1:3], ["2", str(count)], name)
        self.until_ready("f1")
        self.until_task_runs("jobs/continues")
        self.assert_continued()

    def test_a_node_that_is_cut_off(self):
        self.scheduler(["frankfurt-1", "frankfurt-2"], lease=f"{LEASE}s")
        proxies = Proxies()
        self.addCleanup(proxies.close)
        up, down = proxies.way(), proxies.way()
        port = proxies.carry(("127.0.0.1", self.sched.port), lambda peer: ([up], [down]))
        self.agent("f1", "frankfurt-1", scheduler=f"127.0.0.1:{port}")
        self.submit_all()
        self.agent("f2", "frankfurt-2")
        up.cut()
        down.cut()
        self.until_stopped()
        for name in ("stops", "saves"):
            # What was saved on the node that is away is not known: from the beginning.
            again = until(lambda: len(starts(self.lines(self.files[name]))) > 1 and
                          starts(self.lines(self.files[name]))[1], f"{name} starts elsewhere")
            self.assertEqual(again[1:4], ["2", "0", "frankfurt-2"], name)
        until(lambda: self.tasks("jobs/continues")[0].reason == "NODE_AWAY", "it is left there")
        self.until_away_for(AWAY)
        task = self.tasks("jobs/continues")[0]
        self.assertEqual(task.state, jobs_pb2.Task.STATE_RUNNING)
        why = self.jobs.ExplainJob(jobs_pb2.ExplainJobRequest(name="jobs/continues"), timeout=10)
        for text in (task.detail, self.job("jobs/continues").status_message, why.summary):
            self.assertIn("heliotrope node lost f1", text)
        up.heal()
        down.heal()
        self.until_ready("f1")
        until(lambda: self.tasks("jobs/continues")[0].reason != "NODE_AWAY", "it is found again")
        self.assert_continued()
        for name in ("stops", "saves"):
            self.assertEqual(len(starts(self.lines(self.files[name]))), 2, name)
        self.jobs.CancelJob(jobs_pb2.CancelJobRequest(name="jobs/continues"), timeout=10)
        self.until_state("jobs/continues", "CANCELLED")
        until(lambda: not fleet.alive(self.pid("continues")), "it has ended")

    def test_a_node_that_never_comes_back(self):
        self.scheduler(["frankfurt-1", "frankfurt-2"], lease=f"{LEASE}s")
        doomed = self.agent("f1", "frankfurt-1")
        self.submit_all()
        lost = fleet_pb2.DeclareNodeLostRequest(name="nodes/f1")
        with self.assertRaises(grpc.RpcError) as refused:
            self.fleet.DeclareNodeLost(lost, timeout=10)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertIn("drain it instead", refused.exception.details())
        self.agent("f2", "frankfurt-2")
        doomed.kill()
        fleet.kill_attempts(doomed)
        until(lambda: self.tasks("jobs/continues")[0].reason == "NODE_AWAY", "it is left there")
        self.fleet.DeclareNodeLost(lost, timeout=10)

        def elsewhere():
            begun = starts(self.lines(self.files["continues"]))
            return begun[1] if len(begun) > 1 else None

        self.assertEqual(until(elsewhere, "it starts elsewhere")[1:4], ["2", "0", "frankfurt-2"])


if __name__ == "__main__":
    unittest.main()
