"""Promises 1, 3, 4, 5 and 11 with real daemons, real processes and kill -9."""

import os
import signal
import threading
import time
import unittest

import grpc

import fleet
from fleet import FleetTest, alive, counter, fleet_pb2, job_of, jobs_pb2, kill_attempts, until


def starts(lines):
    return [line for line in lines if line[0] == "start"]


class RecoveryTest(FleetTest):
    def test_killed_scheduler_loses_nothing_and_disturbs_nothing(self):
        scheduler = self.scheduler()
        self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        self.submit(counter(evidence, 150), job_id="runs")
        self.until_task_runs("jobs/runs")
        waiting = self.submit(["/bin/true"], job_id="waits", cores=6)
        scheduler.kill()
        scheduler.start()
        self.until_answers()
        self.assertEqual(self.job(waiting.name).name, "jobs/waits")
        self.until_state("jobs/runs", "SUCCEEDED")
        # Ran once, from the beginning to the end.
        self.assertEqual([line[:3] for line in self.lines(evidence)],
                         [["start", "1", "0"], ["done", "1", "150"]])
        self.until_state("jobs/waits", "SUCCEEDED")

    def test_acknowledged_jobs_survive_kill_at_any_moment(self):
        scheduler = self.scheduler()
        acked, stop = [], threading.Event()

        def submitter(number):
            channel = grpc.insecure_channel(scheduler.address)
            jobs = fleet.jobs_pb2_grpc.JobServiceStub(channel)
            i = 0
            while not stop.is_set():
                name = f"s{number}-{i}"
                i += 1
                try:
                    jobs.CreateJob(jobs_pb2.CreateJobRequest(job_id=name,
                                                             job=job_of(["/bin/true"])), timeout=5)
                    acked.append(name)
                except grpc.RpcError:
                    time.sleep(0.05)
            channel.close()

        threads = [threading.Thread(target=submitter, args=(n,)) for n in range(8)]
        for thread in threads:
            thread.start()
        try:
            for _ in range(4):
                before = len(acked)
                until(lambda: len(acked) > before + 50, "submissions are accepted")
                scheduler.kill()
                scheduler.start()
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        self.until_answers()
        names, token = set(), ""
        while True:
            page = self.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=1000, page_token=token),
                                      timeout=30)
            names.update(job.name.removeprefix("jobs/") for job in page.jobs)
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(set(acked) - names, set())

    def test_killed_agent_leaves_its_task_running_and_adopts_it(self):
        self.scheduler(lease="60s")
        agent = self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        self.submit(counter(evidence, 200), job_id="runs")
        self.until_task_runs("jobs/runs")
        pid = int(until(lambda: starts(self.lines(evidence)), "it has started")[0][4])
        agent.kill()
        self.assertTrue(alive(pid))
        agent.start()
        self.until_ready("f1", agent)
        self.until_state("jobs/runs", "SUCCEEDED")
        self.assertEqual([line[:3] for line in self.lines(evidence)],
                         [["start", "1", "0"], ["done", "1", "200"]])
        self.assertEqual(len(self.tasks("jobs/runs")[0].attempts), 1)

    def test_agent_that_ends_on_sigterm_leaves_its_task_running(self):
        self.scheduler(lease="60s")
        agent = self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        self.submit(counter(evidence, 100), job_id="runs")
        self.until_task_runs("jobs/runs")
        self.assertEqual(agent.kill(signal.SIGTERM), 0)
        # It ends while no agent is there; the outcome waits on disk.
        until(lambda: ["done"] in [line[:1] for line in self.lines(evidence)],
              "it runs to its end")
        agent.start()
        self.until_state("jobs/runs", "SUCCEEDED")

    def test_killed_agent_and_tasks_go_on_elsewhere_from_the_copied_checkpoint(self):
        scheduler = self.scheduler(["frankfurt-1", "frankfurt-2"], lease="10s")
        doomed = self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        self.submit(counter(evidence, 200), job_id="carried", checkpoint=1.0, grace=5)
        self.until_task_runs("jobs/carried")
        other = self.agent("f2", "frankfurt-2")

        def copied():
            checkpoint = self.tasks("jobs/carried")[0].checkpoint
            return checkpoint if len(checkpoint.nodes) == 2 else None

        until(copied, lambda: f"a copy on f2: {self.tasks('jobs/carried')}\n{other.log()}")
        doomed.kill()
        kill_attempts(doomed)
        killed = time.monotonic()
        saved = max(int(line[2]) for line in self.lines(evidence) if line[0] == "save")

        def elsewhere():
            return [s for s in starts(self.lines(evidence)) if s[3] == "frankfurt-2"]

        start = until(elsewhere, lambda: f"goes on in frankfurt-2: {self.tasks('jobs/carried')}")[0]
        # Lease and 10 s more is the promise.
        self.assertLess(time.monotonic() - killed, 20 * float(os.environ.get("HT_SLOWNESS", "1")))
        self.assertGreater(int(start[2]), 0)
        self.assertLessEqual(int(start[2]), saved)
        self.until_state("jobs/carried", "SUCCEEDED")

    def test_an_agent_that_is_gone_never_leaves_a_task_past_its_lease(self):
        self.scheduler(lease="3s")
        agent = self.agent("f1", "frankfurt-1")
        self.submit(["/bin/sleep", "1000"], job_id="sleeper")
        self.until_task_runs("jobs/sleeper")
        agent.kill()
        self.assertTrue(fleet.attempt_pids(agent))
        until(lambda: not fleet.attempt_pids(agent), "the shim ends the task by its lease")

    def test_a_drained_node_lets_its_work_travel(self):
        self.scheduler(["frankfurt-1", "virginia"])
        self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        self.submit(counter(evidence, 200), job_id="travels", checkpoint=0)
        self.until_task_runs("jobs/travels")
        self.agent("v1", "virginia")
        until(lambda: starts(self.lines(evidence)), "it has started")
        self.fleet.DrainNode(fleet_pb2.DrainNodeRequest(name="nodes/f1"), timeout=10)
        self.until_state("jobs/travels", "SUCCEEDED")
        lines = self.lines(evidence)
        first, second = starts(lines)
        self.assertEqual([first[3], second[3]], ["frankfurt-1", "virginia"])
        saved = [line for line in lines if line[0] == "save"][-1]
        self.assertEqual(second[2], saved[2])  # Not one step was done twice.
        self.assertEqual(lines[-1], ["done", "2", "200"])


if __name__ == "__main__":
    unittest.main()
