"""The clients: who submits, says it again, cancels and looks, and what each of them was told.

What they were told is kept in a `Record`, which the judges compare with the jobs' own evidence.
"""

import contextlib
import random
import threading
import time
import uuid

import grpc

from world import SPEED
from fleet import fleet_pb2, fleet_pb2_grpc, jobs_pb2, jobs_pb2_grpc

CALL_SECONDS = 3
RESIDENCIES = (["any"], ["any"], ["EU"], ["CN"], ["US", "EU"])
STEP_MS = 50


def now_ns():
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


class Record:
    """What clients were told. Times are CLOCK_BOOTTIME in ns. Guarded by `lock`."""

    def __init__(self):
        self.lock = threading.Lock()
        self.submitted = {}  # request id: what was asked: steps, saves, count, residency.
        self.answers = {}    # request id: the set of names that it was answered with.
        self.cancels = {}    # name: {task index: its attempt, as told after the cancel was acked}.
        self.checkpoints = []  # (time, name, index, attempt, sequence), as they were told.
        self.ends = {}       # (name, index): (time, state), when it was first told.
        self.at_rest = set()  # (data center, name): where a checkpoint of it was seen on a disk.
        self.listed = {}     # At the end: name: (request id, state, [task]).

    def names(self):
        with self.lock:
            return {name for names in self.answers.values() for name in names}


def task_of(request, plan, witness, evidence, locks):
    job = jobs_pb2.Job(residency=plan["residency"], count=plan["count"])
    command = [witness, "--evidence", evidence + "/evidence", "--locks", locks,
               "--steps", str(plan["steps"]), "--step-ms", str(STEP_MS)]
    job.task.command.extend(command + (["--saves"] if plan["saves"] else []))
    job.task.environment["FIRE_REQUEST"] = request
    job.task.milli_cores = plan["milli_cores"]
    job.task.memory_bytes = 16 << 20
    job.task.expected_duration.FromMilliseconds(max(1000, plan["steps"] * STEP_MS * SPEED))
    # A full disk fails attempts; no job may fail for that.
    job.task.retry.max_retries = 100
    job.task.retry.initial_backoff.seconds = SPEED
    job.task.retry.max_backoff.seconds = 2 * SPEED
    if plan["saves"]:
        job.task.checkpoint.grace.seconds = 1
        if plan["interval"]:
            job.task.checkpoint.interval.seconds = plan["interval"] * SPEED
    if plan["continues"]:
        job.task.on_disconnect = jobs_pb2.TaskTemplate.ON_DISCONNECT_CONTINUE
    return job


def random_plan(rng, most_steps):
    saves = rng.random() < 0.6
    return {"saves": saves, "continues": rng.random() < 0.25,
            "interval": rng.choice((0, 1, 2)) if saves else 0,
            "count": rng.choice((1, 1, 1, 3)), "residency": rng.choice(RESIDENCIES),
            "steps": rng.randint(most_steps // 4 if saves else 1, most_steps),
            "milli_cores": rng.choice((250, 500, 1000)),
            "again": rng.random() < 0.2, "cancel": rng.random() < 0.15,
            "cancel_after": rng.uniform(0, 5)}


class Clients:
    """Threads that submit until `stop`, and one that looks until `end`."""

    def __init__(self, world, witness, seed, most_active, most_steps):
        """At most so many jobs at once, each of so many steps."""
        self.record = Record()
        self.world = world
        self._witness = witness
        self._most_active = most_active
        self._most_steps = most_steps
        self._active = set()
        self._stop = threading.Event()
        self._finish = threading.Event()
        self._threads = [threading.Thread(target=self._submit, args=(random.Random(f"{seed} {i}"),))
                         for i in range(2)]
        self._looker = threading.Thread(target=self._look)
        self.errors = []

    def start(self):
        for thread in (*self._threads, self._looker):
            thread.start()

    def stop(self):
        """No more is submitted; what was not answered yet is asked for until it is."""
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def end(self):
        """Nothing is asked any more."""
        self._finish.set()
        self.stop()
        self._looker.join()

    def _call(self, channel, stub, method, request):
        """Until it is answered; None at the end and for what must not be: see `errors`."""
        while True:
            try:
                return getattr(stub(channel), method)(request, timeout=CALL_SECONDS)
            except grpc.RpcError as error:
                if error.code() not in (grpc.StatusCode.UNAVAILABLE,
                                        grpc.StatusCode.DEADLINE_EXCEEDED,
                                        grpc.StatusCode.RESOURCE_EXHAUSTED):
                    self.errors.append(f"{method}: {error.code()}: {error.details()}")
                    return None
            if self._finish.wait(0.1):
                return None

    def _submit(self, rng):
        with self.world.channel() as channel:
            while not self._stop.is_set():
                with self.record.lock:
                    room = len(self._active) < self._most_active
                if not room:
                    self._stop.wait(0.1)
                    continue
                self._one(channel, rng)
                self._stop.wait(rng.uniform(0, 0.3))

    def _one(self, channel, rng):
        plan = random_plan(rng, self._most_steps)
        request_id = str(uuid.UUID(int=rng.getrandbits(128)))
        request = jobs_pb2.CreateJobRequest(
            request_id=request_id,
            job=task_of(request_id, plan, self._witness, self.world.evidence, self.world.locks))
        with self.record.lock:
            self.record.submitted[request_id] = plan
        for _ in range(2 if plan["again"] else 1):
            job = self._call(channel, jobs_pb2_grpc.JobServiceStub, "CreateJob", request)
            if job is None:
                return
            with self.record.lock:
                self.record.answers.setdefault(request_id, set()).add(job.name)
                self._active.add(job.name)
        if plan["cancel"]:
            self._stop.wait(plan["cancel_after"])
            self._cancel(channel, job.name)

    def _cancel(self, channel, name):
        if self._call(channel, jobs_pb2_grpc.JobServiceStub, "CancelJob",
                      jobs_pb2.CancelJobRequest(name=name)) is None:
            return
        tasks = self._call(channel, jobs_pb2_grpc.JobServiceStub, "ListTasks",
                           jobs_pb2.ListTasksRequest(parent=name))
        if tasks is not None:
            with self.record.lock:
                self.record.cancels[name] = {index_of(task): task.attempt for task in tasks.tasks}

    def _look(self):
        """Goes round the jobs that have not ended and writes down what is told of them."""
        with self.world.channel() as channel:
            while not self._finish.is_set():
                with self.record.lock:
                    active = sorted(self._active)
                for name in active:
                    if self._finish.is_set():
                        return
                    self._look_at(channel, name)
                self.record.at_rest |= self.world.at_rest()
                self._finish.wait(0.1)

    def _look_at(self, channel, name):
        answer = self._call(channel, jobs_pb2_grpc.JobServiceStub, "ListTasks",
                            jobs_pb2.ListTasksRequest(parent=name))
        if answer is None:
            return
        time_ns = now_ns()
        with self.record.lock:
            for task in answer.tasks:
                if task.checkpoint.sequence:
                    self.record.checkpoints.append(
                        (time_ns, name, index_of(task), task.checkpoint.attempt,
                         task.checkpoint.sequence))
                if task.state >= jobs_pb2.Task.STATE_SUCCEEDED:
                    state = jobs_pb2.Task.State.Name(task.state).removeprefix("STATE_")
                    self.record.ends.setdefault((name, index_of(task)), (time_ns, state))
            if all(task.state >= jobs_pb2.Task.STATE_SUCCEEDED for task in answer.tasks):
                self._active.discard(name)

    def active(self):
        with self.record.lock:
            return sorted(self._active)

    def list_all(self):
        """What the scheduler has at the end, into the record."""
        with self.world.channel() as channel:
            stub, token = jobs_pb2_grpc.JobServiceStub(channel), ""
            while True:
                page = stub.ListJobs(jobs_pb2.ListJobsRequest(page_size=500, page_token=token),
                                     timeout=30)
                for job in page.jobs:
                    tasks = stub.ListTasks(jobs_pb2.ListTasksRequest(parent=job.name), timeout=30)
                    state = jobs_pb2.Job.State.Name(job.state).removeprefix("STATE_")
                    self.record.listed[job.name] = (job.task.environment.get("FIRE_REQUEST", ""),
                                                    state, list(tasks.tasks))
                token = page.next_page_token
                if not token:
                    return


def index_of(task):
    return int(task.name.rsplit("/", 1)[1])


def scheduler_serves(world):
    """Whether it answers and has all its nodes."""
    with contextlib.suppress(grpc.RpcError), world.channel() as channel:
        nodes = fleet_pb2_grpc.FleetServiceStub(channel).ListNodes(fleet_pb2.ListNodesRequest(),
                                                                   timeout=CALL_SECONDS).nodes
        ready = [node for node in nodes if node.state == fleet_pb2.Node.STATE_READY]
        return len(ready) == len(world.agents)
    return False
