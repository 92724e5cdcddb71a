"""Someone else's view of the API: a client made from our protos alone."""

import os
import unittest

import grpc

import fleet
from fleet import FleetTest, counter, curves_pb2, fleet_pb2, job_of, jobs_pb2, plan_pb2, until


def violations(error):
    """The field paths in an error's google.rpc.BadRequest, read without our C++."""
    from google.rpc import error_details_pb2, status_pb2

    trailer = dict(error.trailing_metadata()).get("grpc-status-details-bin")
    status = status_pb2.Status.FromString(trailer)
    found = {}
    for detail in status.details:
        bad = error_details_pb2.BadRequest()
        if detail.Unpack(bad):
            found.update({v.field: v.description for v in bad.field_violations})
    return found


class ApiTest(FleetTest):
    def test_a_job_runs_and_is_watched_to_its_end(self):
        self.scheduler()
        self.agent("f1", "frankfurt-1")
        evidence = self.evidence()
        job = self.submit(counter(evidence, 5), job_id="first")
        self.assertEqual(job.name, "jobs/first")
        states = [message.job.state for message in self.jobs.WatchJobs(
            jobs_pb2.WatchJobsRequest(names=["jobs/first"]), timeout=fleet.DEADLINE)]
        self.assertEqual(states[-1], jobs_pb2.Job.STATE_SUCCEEDED)
        self.assertEqual(self.lines(evidence)[-1], ["done", "1", "5"])
        task = self.tasks("jobs/first")[0]
        self.assertEqual(task.attempts[0].data_center, "dataCenters/frankfurt-1")
        self.assertEqual(task.exit_code, 0)

    def test_a_watch_shows_the_last_state_of_every_task_of_a_large_job(self):
        self.scheduler()
        count = 2500  # More than two messages' worth of tasks.
        self.submit(["/bin/true"], job_id="large", count=count)
        watch = self.jobs.WatchJobs(
            jobs_pb2.WatchJobsRequest(names=["jobs/large"], include_tasks=True),
            timeout=fleet.DEADLINE)
        states = {task.name: task.state for task in next(watch).tasks}
        self.assertEqual(set(states.values()), {jobs_pb2.Task.STATE_PENDING})
        self.jobs.CancelJob(jobs_pb2.CancelJobRequest(name="jobs/large"), timeout=fleet.DEADLINE)
        for message in watch:
            self.assertLessEqual(len(message.tasks), 1000)
            states.update((task.name, task.state) for task in message.tasks)
        self.assertEqual(len(states), count)
        self.assertEqual(set(states.values()), {jobs_pb2.Task.STATE_CANCELLED})

    def test_what_accounts_submit_is_learned_and_outlives_a_crash(self):
        self.scheduler()
        self.submit(["/bin/true"], cores=2.0, expected=3600, count=3, account="globex")
        self.submit(["/bin/true"], cores=0.5, expected=7200, account="globex")
        self.submit(["/bin/true"], expected=3600, account="acme")

        def today():
            answer = self.curves.ListArrivals(curves_pb2.ListArrivalsRequest(), timeout=10)
            for one in answer.arrivals:
                self.assertEqual(len(one.days), 8)
                self.assertGreaterEqual(one.days[0].p10_core_hours, one.core_hours_today)
            return {one.account: one.core_hours_today for one in answer.arrivals}

        self.assertEqual(today(), {"acme": 1.0, "globex": 7.0})
        self.sched.kill()
        self.sched.start()
        self.until_answers()
        self.assertEqual(today(), {"acme": 1.0, "globex": 7.0})
        alone = self.curves.ListArrivals(curves_pb2.ListArrivalsRequest(account="acme"), timeout=10)
        self.assertEqual([one.account for one in alone.arrivals], ["acme"])

    def test_logs_and_outputs_come_from_the_agent(self):
        self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(counter(self.evidence(), 3), job_id="logs", residency=["EU"])
        self.until_state("jobs/logs", "SUCCEEDED")
        attempt = self.tasks("jobs/logs")[0].attempts[0]
        with grpc.insecure_channel(attempt.agent_address) as channel:
            agent = fleet.agent_pb2_grpc.AgentServiceStub(channel)
            selector = fleet.agent_pb2.AttemptSelector(task="jobs/logs/tasks/0",
                                                       reader_jurisdiction="DE")
            log = b"".join(part.data for part in agent.ReadLog(
                fleet.agent_pb2.ReadLogRequest(attempt=selector), timeout=10))
            self.assertEqual(log, b"counted to 3\n")
            files = agent.ListOutputs(fleet.agent_pb2.ListOutputsRequest(attempt=selector),
                                      timeout=10).files
            self.assertEqual([file.path for file in files], ["count"])
            data = b"".join(part.data for part in agent.ReadOutput(
                fleet.agent_pb2.ReadOutputRequest(attempt=selector, path="count"), timeout=10))
            self.assertEqual(data, b"3\n")
            for reader in ("US", ""):
                selector.reader_jurisdiction = reader
                with self.assertRaises(grpc.RpcError) as refused:
                    list(agent.ReadLog(fleet.agent_pb2.ReadLogRequest(attempt=selector),
                                       timeout=10))
                self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)

    def test_cancel_stops_a_running_job(self):
        self.scheduler()
        agent = self.agent("f1", "frankfurt-1")
        self.submit(["/bin/sleep", "1000"], job_id="sleeper")
        self.until_task_runs("jobs/sleeper")
        self.jobs.CancelJob(jobs_pb2.CancelJobRequest(name="jobs/sleeper"), timeout=10)
        self.until_state("jobs/sleeper", "CANCELLED")
        until(lambda: not fleet.attempt_pids(agent), "its processes are gone")

    def test_the_same_request_id_gives_the_same_job(self):
        self.scheduler()
        first = self.submit(["/bin/true"], request_id="r-1")
        again = self.submit(["/bin/true"], request_id="r-1")
        self.assertEqual(first.name, again.name)
        with self.assertRaises(grpc.RpcError) as refused:
            self.submit(["/bin/false"], request_id="r-1")
        self.assertIn("request_id", violations(refused.exception))

    def test_wrong_fields_are_named(self):
        self.scheduler()
        cases = [
            (dict(cores=0), "job.task.milli_cores"),
            (dict(cores=100000), "job.task.milli_cores"),
            (dict(residency=["ATLANTIS"]), "job.residency"),
            (dict(residency=[]), "job.residency"),
            (dict(count=0), "job.count"),
            (dict(priority=1000), "job.priority"),
            (dict(account="Not An Id"), "job.account"),
            (dict(home="atlantis"), "job.home"),
        ]
        for fields, path in cases:
            with self.subTest(path=path, fields=fields):
                with self.assertRaises(grpc.RpcError) as refused:
                    self.submit(["/bin/true"], **fields)
                self.assertEqual(refused.exception.code(), grpc.StatusCode.INVALID_ARGUMENT)
                self.assertIn(path, violations(refused.exception))
        long_grace = job_of(["/bin/true"], checkpoint=0)
        long_grace.task.checkpoint.grace.seconds = 10
        with self.assertRaises(grpc.RpcError) as refused:
            self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job=long_grace), timeout=10)
        self.assertIn("job.task.checkpoint.grace", violations(refused.exception))
        strange = job_of(["/bin/true"])
        strange.task.on_disconnect = 7
        with self.assertRaises(grpc.RpcError) as refused:
            self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job=strange), timeout=10)
        self.assertIn("job.task.on_disconnect", violations(refused.exception))
        self.assertEqual(len(self.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=10).jobs), 0)

    def test_an_impossible_deadline_is_refused_unless_asked_for(self):
        self.scheduler()
        now = self.fleet.GetScheduler(fleet_pb2.GetSchedulerRequest(), timeout=10).now
        job = job_of(["/bin/true"], expected=7200)
        job.deadline.seconds = now.seconds + 3600
        with self.assertRaises(grpc.RpcError) as refused:
            self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job=job), timeout=10)
        self.assertEqual(refused.exception.code(), grpc.StatusCode.FAILED_PRECONDITION)
        self.assertIn("expected to finish at", refused.exception.details())
        job.allow_late = True
        self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job=job), timeout=10)

    def test_pages_cover_all_jobs_once(self):
        self.scheduler()
        batch = jobs_pb2.BatchCreateJobsRequest(requests=[
            jobs_pb2.CreateJobRequest(job_id=f"job-{i}", job=job_of(["/bin/true"]))
            for i in range(25)])
        results = self.jobs.BatchCreateJobs(batch, timeout=10).results
        self.assertEqual([r.name for r in results], [f"jobs/job-{i}" for i in range(25)])
        names, token = [], ""
        while True:
            page = self.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=10, page_token=token),
                                      timeout=10)
            names += [job.name for job in page.jobs]
            token = page.next_page_token
            if not token:
                break
        self.assertEqual(names, [f"jobs/job-{i}" for i in range(25)])
        with self.assertRaises(grpc.RpcError) as refused:
            self.jobs.ListJobs(jobs_pb2.ListJobsRequest(page_size=-1), timeout=10)
        self.assertIn("page_size", violations(refused.exception))

    def test_a_cold_fleet_runs_reactively_and_says_so(self):
        self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(["/bin/sleep", "1000"], job_id="cold")
        self.until_task_runs("jobs/cold")
        why = self.jobs.ExplainJob(jobs_pb2.ExplainJobRequest(name="jobs/cold"), timeout=10)
        self.assertEqual(why.planning_mode, "reactive")
        self.assertIn("REACTIVE", why.summary)
        self.assertEqual(why.task.attempts[0].placement_reason, "REACTIVE")

    def test_residency_is_kept_while_other_places_are_free(self):
        self.scheduler(["frankfurt-1", "hangzhou", "virginia"])
        self.agent("h1", "hangzhou")
        self.agent("v1", "virginia")
        self.submit(["/bin/true"], job_id="eu", residency=["EU"])
        self.submit(["/bin/true"], job_id="anywhere")
        self.until_state("jobs/anywhere", "SUCCEEDED")
        self.assertEqual(self.job("jobs/eu").state, jobs_pb2.Job.STATE_PENDING)
        why = self.jobs.ExplainJob(jobs_pb2.ExplainJobRequest(name="jobs/eu"), timeout=10)
        excluded = {o.data_center: o.reason for o in why.options}
        self.assertEqual(excluded["dataCenters/virginia"], "RESIDENCY")
        self.assertEqual(excluded["dataCenters/hangzhou"], "RESIDENCY")
        self.agent("f1", "frankfurt-1")
        self.until_state("jobs/eu", "SUCCEEDED")
        self.assertEqual(self.tasks("jobs/eu")[0].data_center, "dataCenters/frankfurt-1")

    def test_a_job_is_explained_before_it_is_submitted(self):
        self.scheduler(["frankfurt-1", "virginia"])
        self.agent("f1", "frankfurt-1")
        self.agent("v1", "virginia")
        create = jobs_pb2.CreateJobRequest(
            job_id="maybe", job=job_of(["/bin/true"], residency=["EU"]))
        why = until(lambda: next((a for a in [self.jobs.ExplainJob(
            jobs_pb2.ExplainJobRequest(create=create), timeout=10)]
            if "would start now in frankfurt-1" in a.summary), None), "both agents are there")
        self.assertEqual({o.data_center: o.reason for o in why.options if not o.chosen},
                         {"dataCenters/virginia": "RESIDENCY"})
        self.assertFalse(self.jobs.ListJobs(jobs_pb2.ListJobsRequest(), timeout=10).jobs)
        create.job.residency[:] = ["XX"]
        errors = []
        for call, request in ((self.jobs.CreateJob, create), (
                self.jobs.ExplainJob, jobs_pb2.ExplainJobRequest(create=create))):
            with self.assertRaises(grpc.RpcError) as refused:
                call(request, timeout=10)
            errors.append((refused.exception.code(), violations(refused.exception)))
        self.assertEqual(errors[0], errors[1])

    def test_decisions_are_listed_with_reasons(self):
        self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(["/bin/true"], job_id="one")
        self.until_state("jobs/one", "SUCCEEDED")
        decisions = until(lambda: [d for d in self.plan.ListDecisions(
            plan_pb2.ListDecisionsRequest(), timeout=10).decisions
            if d.kind == plan_pb2.Decision.KIND_END], "the end is listed")
        self.assertEqual(decisions[0].reason, "SUCCEEDED")


if __name__ == "__main__":
    unittest.main()
