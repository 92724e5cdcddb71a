"""A fleet of real daemons on loopback: a scheduler and agents, each in its own scratch directory.

Every process that is started here is ended here, by its id. Nothing waits for a fixed time: `until`
waits for a condition with a generous deadline.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import unittest

import grpc

sys.path.insert(0, os.environ["HT_PYTHON_PROTOS"])

from heliotrope.v1 import agent_pb2, agent_pb2_grpc  # noqa: E402
from heliotrope.v1 import curves_pb2, curves_pb2_grpc  # noqa: E402
from heliotrope.v1 import fleet_pb2, fleet_pb2_grpc  # noqa: E402
from heliotrope.v1 import jobs_pb2, jobs_pb2_grpc  # noqa: E402
from heliotrope.v1 import plan_pb2, plan_pb2_grpc  # noqa: E402

BIN = os.environ["HT_BIN_DIR"]
HERE = os.path.dirname(os.path.abspath(__file__))
DEADLINE = 120 * float(os.environ.get("HT_SLOWNESS", "1"))

DATA_CENTERS = {
    "hangzhou": ("asia", "CN", "Asia/Shanghai"),
    "frankfurt-1": ("emea", "DE", "Europe/Berlin"),
    "frankfurt-2": ("emea", "DE", "Europe/Berlin"),
    "virginia": ("americas", "US", "America/New_York"),
}


def until(condition, what, deadline=None):
    """The first true value of condition(); fails with `what` when none comes in time."""
    end = time.monotonic() + (deadline or DEADLINE)
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            shown = what() if callable(what) else what
            raise AssertionError(f"waited in vain: {shown}")
        time.sleep(0.02)


def idle_load(directory):
    """A load file of a week in which nothing happens."""
    path = os.path.join(directory, "idle.csv")
    with open(path, "w", encoding="ascii") as file:
        file.write("timestamp_utc,load\n")
        for hour in range(8 * 24):
            file.write(f"2026-01-{5 + hour // 24:02}T{hour % 24:02}:00:00Z,0\n")
    return path


def alive(pid):
    """Whether the process exists and is no zombie."""
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as stat:
            return stat.read().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


class Daemon:
    """One process, its log and its configuration."""

    def __init__(self, directory, arguments):
        self.directory = directory
        self.arguments = arguments
        self.log_path = os.path.join(directory, "log")
        self.process = None

    def start(self):
        with open(self.log_path, "ab") as log:
            self.process = subprocess.Popen(self.arguments, stdin=subprocess.DEVNULL, stdout=log,
                                            stderr=log, cwd=self.directory)
        return self

    def kill(self, number=signal.SIGKILL):
        """Sends the signal and waits for the end; returns the exit code."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        return self.process.wait(DEADLINE)

    def log(self):
        with open(self.log_path, encoding="utf-8", errors="replace") as log:
            return log.read()


class Scheduler(Daemon):
    def __init__(self, root, data_centers, lease="6s", extra="", tls=None):
        directory = os.path.join(root, "scheduler")
        os.makedirs(directory)
        self.config_path = os.path.join(directory, "scheduler.yaml")
        self.ports_path = os.path.join(directory, "ports.json")
        self.lease = lease
        self.extra = extra
        self.tls = tls
        self.port = 0
        self.http_port = 0
        self.configure(data_centers)
        super().__init__(directory, [os.path.join(BIN, "heliotrope-scheduler"), "--config",
                                     self.config_path, "--ports-file", self.ports_path])

    def configure(self, data_centers):
        lines = [f"listen: 127.0.0.1:{self.port}", f"http_listen: 127.0.0.1:{self.http_port}",
                 f"store: {{sqlite: {os.path.dirname(self.config_path)}/state.db}}",
                 f"lease_duration: {self.lease}", "jurisdiction_groups: {EU: {codes: [DE]}}",
                 "data_centers:"]
        for name in data_centers:
            region, jurisdiction, zone = DATA_CENTERS[name]
            lines.append(f"  - {{name: {name}, region: {region}, time_zone: {zone}, "
                         f"jurisdiction: {jurisdiction}}}")
        if self.tls:
            lines.append("tls: {ca: %s, cert: %s, key: %s}" % self.tls)
        with open(self.config_path, "w", encoding="utf-8") as config:
            config.write("\n".join(lines) + "\n" + self.extra)
        self.data_centers = list(data_centers)

    def start(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self.ports_path)
        super().start()

        def ports():
            if self.process.poll() is not None:
                raise AssertionError(f"the scheduler ended at its start:\n{self.log()}")
            try:
                with open(self.ports_path, encoding="utf-8") as file:
                    return json.load(file)
            except (FileNotFoundError, json.JSONDecodeError):
                return None

        found = until(ports, lambda: f"the scheduler's ports; its log:\n{self.log()}")
        self.port, self.http_port = found["grpc"], found["http"]
        # From now on the same ports, so that agents find it again after a restart.
        self.configure(self.data_centers)
        return self

    @property
    def address(self):
        return f"127.0.0.1:{self.port}"


class Agent(Daemon):
    def __init__(self, root, node, data_center, scheduler, cores=8, extra="", tls=None,
                 jurisdiction=None):
        directory = os.path.join(root, node)
        os.makedirs(directory)
        self.node = node
        self.data_center = data_center
        self.state = os.path.join(directory, "state")
        config = os.path.join(directory, "agent.yaml")
        lines = [f"node: {self.node}", f"data_center: {data_center}",
                 f"jurisdiction: {jurisdiction or DATA_CENTERS[data_center][1]}",
                 f"scheduler: {scheduler}", "listen: 127.0.0.1:0",
                 "http_listen: 127.0.0.1:0", f"state_directory: {self.state}",
                 f"capacity: {{cores: {cores}, memory_bytes: 8GiB}}",
                 # A quiet host, whatever else the machine that tests does.
                 f"load: {{replay: {{file: {idle_load(directory)}, peak: 1, time_zone: UTC}}}}",
                 "yield: {freeze_above_cpu_pressure_percent: 0}"]
        if tls:
            lines.append("tls: {ca: %s, cert: %s, key: %s}" % tls)
        with open(config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n" + extra)
        super().__init__(directory, [os.path.join(BIN, "heliotrope-agent"), "--config", config])


class FleetTest(unittest.TestCase):
    """Starts what a test asks for and leaves nothing behind."""

    def setUp(self):
        self.root = tempfile.mkdtemp(prefix="heliotrope-test-")
        os.chmod(self.root, 0o755)
        self.daemons = []
        self.addCleanup(self.clean)

    def clean(self):
        for daemon in reversed(self.daemons):
            if daemon.process is not None:
                daemon.kill()
        for daemon in self.daemons:
            if isinstance(daemon, Agent):
                kill_attempts(daemon)
        failed = any(error for _, error in getattr(self._outcome, "errors", [])) or any(
            test is self for test, _ in self._outcome.result.failures + self._outcome.result.errors)
        if failed:
            for daemon in self.daemons:
                print(f"--- log of {daemon.directory}\n{daemon.log()[-6000:]}", file=sys.stderr)
        shutil.rmtree(self.root, ignore_errors=True)

    def scheduler(self, data_centers=("frankfurt-1",), **options):
        self.sched = Scheduler(self.root, data_centers, **options)
        self.daemons.append(self.sched)
        self.sched.start()
        self.connect()
        return self.sched

    def connect(self, credentials=None):
        if credentials:
            self.channel = grpc.secure_channel(self.sched.address, credentials)
        else:
            self.channel = grpc.insecure_channel(self.sched.address)
        self.addCleanup(self.channel.close)
        self.jobs = jobs_pb2_grpc.JobServiceStub(self.channel)
        self.fleet = fleet_pb2_grpc.FleetServiceStub(self.channel)
        self.curves = curves_pb2_grpc.CurveServiceStub(self.channel)
        self.plan = plan_pb2_grpc.PlanServiceStub(self.channel)

    def until_answers(self):
        """After a restart: a channel may still have to find out that its connection is gone."""

        def answers():
            try:
                return self.fleet.GetScheduler(fleet_pb2.GetSchedulerRequest(), timeout=5).version
            except grpc.RpcError:
                return None

        until(answers, "the scheduler answers")

    def agent(self, node, data_center, wait=True, scheduler=None, **options):
        """Dials the address `scheduler`, such as a proxy's, if it is given."""
        agent = Agent(self.root, node, data_center, scheduler or self.sched.address, **options)
        self.daemons.append(agent)
        agent.start()
        if wait:
            self.until_ready(node, agent)
        return agent

    def until_ready(self, node, agent=None):
        def ready():
            if agent is not None and agent.process.poll() is not None:
                raise AssertionError(f"agent {node} ended at its start:\n{agent.log()}")
            try:
                found = self.fleet.GetNode(fleet_pb2.GetNodeRequest(name=f"nodes/{node}"),
                                           timeout=5)
                return found.state == fleet_pb2.Node.STATE_READY
            except grpc.RpcError:
                return False

        until(ready, lambda: f"node {node} is ready; log:\n{agent.log() if agent else ''}")

    def submit(self, command, job_id="", request_id="", residency=("any",), **fields):
        job = job_of(command, residency=residency, **fields)
        return self.jobs.CreateJob(jobs_pb2.CreateJobRequest(job_id=job_id, job=job,
                                                             request_id=request_id), timeout=10)

    def job(self, name):
        return self.jobs.GetJob(jobs_pb2.GetJobRequest(name=name), timeout=10)

    def tasks(self, name):
        return self.jobs.ListTasks(jobs_pb2.ListTasksRequest(parent=name), timeout=10).tasks

    def until_state(self, name, state, deadline=None):
        wanted = jobs_pb2.Job.State.Value(f"STATE_{state}")

        def there():
            job = self.job(name)
            ended = job.state >= jobs_pb2.Job.STATE_SUCCEEDED
            if ended and job.state != wanted:
                raise AssertionError(f"ended otherwise: {job}\n{self.tasks(name)}")
            return job if job.state == wanted else None

        return until(there, lambda: f"{name} is {state}: {self.tasks(name)}", deadline)

    def until_task_runs(self, name, index=0):
        def running():
            task = self.tasks(name)[index]
            return task if task.state == jobs_pb2.Task.STATE_RUNNING else None

        return until(running, lambda: f"{name}/{index} runs: {self.tasks(name)}")

    def evidence(self):
        """A file that tasks may append to, whoever they run as."""
        path = os.path.join(self.root, "evidence")
        with open(path, "a", encoding="utf-8"):
            pass
        os.chmod(path, 0o666)
        return path

    def lines(self, path):
        with open(path, encoding="utf-8") as file:
            return [line.split() for line in file.read().splitlines()]


def job_of(command, residency=("any",), cores=1.0, expected=3600, checkpoint=None, grace=2,
           **fields):
    job = jobs_pb2.Job(residency=list(residency), **fields)
    job.task.command.extend(command)
    job.task.milli_cores = int(cores * 1000)
    job.task.memory_bytes = 16 << 20
    job.task.expected_duration.seconds = expected
    if checkpoint is not None:
        job.task.checkpoint.grace.seconds = grace
        job.task.retry.max_retries = 3  # Batch has the lowest priority: a busy host may starve it.
        if checkpoint > 0:
            job.task.checkpoint.interval.FromMilliseconds(int(checkpoint * 1000))
    return job


def counter(evidence, target):
    """A job that counts to `target`, saves its count when told, and says what it does."""
    # Beside the evidence: tasks run as another user, who may not see where the sources are.
    script = os.path.join(os.path.dirname(evidence), "counter.sh")
    shutil.copyfile(os.path.join(HERE, "counter.sh"), script)
    os.chmod(script, 0o755)
    return ["/bin/sh", script, evidence, str(target)]


def attempt_pids(agent):
    """Process ids of everything whose environment or arguments name the agent's state directory."""
    pids = []
    for entry in os.listdir("/proc"):
        if not entry.isdigit() or int(entry) == os.getpid():
            continue
        try:
            with open(f"/proc/{entry}/environ", "rb") as environ:
                environment = environ.read()
            with open(f"/proc/{entry}/cmdline", "rb") as cmdline:
                arguments = cmdline.read()
        except OSError:
            continue
        attempts = os.path.join(agent.state, "attempts").encode()
        if attempts in environment or attempts in arguments:
            pids.append(int(entry))
    return pids


def kill_attempts(agent):
    """Ends the shims and tasks of one agent: all were started by this test."""

    def gone():
        pids = attempt_pids(agent)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        return not pids

    until(gone, f"the attempts of {agent.node} end")
