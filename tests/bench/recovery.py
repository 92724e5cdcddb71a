#!/usr/bin/env python3
"""How soon a scheduler serves again after kill -9, and whether what runs has noticed.

recovery.py [--pending N] [--running N] [--count N] [--times N]

--count is how many tasks each pending job has: 1 is the most that can be loaded, 100000 the least.
Times are from the new process's start: until its health check says SERVING, and until the first GetJob
is answered.
"""

import argparse
import os
import statistics
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import grpc  # noqa: E402

import fleet  # noqa: E402
from fleet import FleetTest, job_of, jobs_pb2, jobs_pb2_grpc  # noqa: E402

SERVING = b"\x08\x01"  # grpc.health.v1.HealthCheckResponse {status: SERVING}.


class Recovery(FleetTest):
    options = None

    def fill(self):
        """`running` tasks on one node that has room for no more, and `pending` that wait."""
        options = self.options
        # A fifth is left to the foreground.
        self.agent("f1", "frankfurt-1", cores=options.running * 5 // 4)
        self.submit(["/bin/sleep", "100000"], job_id="running", count=options.running,
                    expected=100000)
        fleet.until(lambda: self.job("jobs/running").task_counts.running == options.running,
                    "all run", 600)
        left, number = options.pending, 0
        while left > 0:
            requests = []
            while left > 0 and len(requests) < 1000:
                count = min(options.count, left)
                requests.append(jobs_pb2.CreateJobRequest(
                    job_id=f"pending-{number}",
                    job=job_of(["/bin/true"], count=count, account=f"account-{number % 20}",
                               priority=number % 5, residency=["EU"])))
                left, number = left - count, number + 1
            self.jobs.BatchCreateJobs(jobs_pb2.BatchCreateJobsRequest(requests=requests),
                                      timeout=60)

    def answered(self, start, call):
        """Seconds from `start` until `call` of a fresh channel is answered well."""
        while True:
            with grpc.insecure_channel(self.sched.address) as channel:
                try:
                    if call(channel):
                        return time.monotonic() - start
                except grpc.RpcError:
                    pass
            if time.monotonic() - start > 120:
                raise AssertionError(f"never answers\n{self.sched.log()[-3000:]}")
            time.sleep(0.01)

    def once(self):
        self.sched.kill()
        start = time.monotonic()
        super(fleet.Scheduler, self.sched).start()  # Does not wait for anything.
        serving = self.answered(start, lambda channel: channel.unary_unary(
            "/grpc.health.v1.Health/Check")(b"", timeout=1) == SERVING)
        got = self.answered(start, lambda channel: jobs_pb2_grpc.JobServiceStub(channel).GetJob(
            jobs_pb2.GetJobRequest(name="jobs/pending-0"), timeout=1).name)
        return serving, got

    def runTest(self):
        self.scheduler(lease="60s")
        self.fill()
        pids = sorted(fleet.attempt_pids(self.daemons[1]))
        rows = []
        for _ in range(self.options.times):
            rows.append(self.once())
            print(f"serving after {rows[-1][0]:.2f} s, first GetJob answered after "
                  f"{rows[-1][1]:.2f} s", flush=True)
            self.until_answers()
            self.until_ready("f1")
        shown = [line for line in self.sched.log().splitlines() if "state loaded" in line]
        print(shown[-1])
        tasks = self.jobs.ListTasks(jobs_pb2.ListTasksRequest(parent="jobs/running",
                                                              page_size=1000), timeout=30).tasks
        self.assertEqual({task.attempt for task in tasks}, {1})
        self.assertEqual({task.state for task in tasks}, {jobs_pb2.Task.STATE_RUNNING})
        self.assertEqual(sorted(fleet.attempt_pids(self.daemons[1])), pids)
        counts = [self.job("jobs/pending-0").task_counts.pending]
        self.assertEqual(counts, [min(self.options.count, self.options.pending)])
        serving, got = (statistics.median(column) for column in zip(*rows))
        print(f"{self.options.pending} tasks pending in jobs of {self.options.count}, "
              f"{self.options.running} running: serving after {serving:.2f} s, first GetJob after "
              f"{got:.2f} s (medians of {self.options.times}); the same {len(pids)} processes")


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--pending", type=int, default=100_000)
    parser.add_argument("--running", type=int, default=100)
    parser.add_argument("--count", type=int, default=1)
    parser.add_argument("--times", type=int, default=3)
    Recovery.options = parser.parse_args()
    import unittest
    result = unittest.TextTestRunner().run(Recovery())
    sys.exit(not result.wasSuccessful())
