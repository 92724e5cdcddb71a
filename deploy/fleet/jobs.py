"""The jobs of the quickstart: a mix of what real users bring, as hours of work and constraints."""

import datetime
from dataclasses import dataclass

import evidence

STEPS_PER_HOUR = 10
SEGMENT = 20_000
# Each task has numbers of its own, so no two results are alike.
NUMBERS_PER_TASK = 100_000_000


@dataclass(frozen=True)
class Job:
    """One job. Hours are hours of scheduling time."""

    name: str
    what: str
    hours: float
    cores: float
    residency: tuple = ("any",)
    count: int = 1
    deadline_hours: float | None = None  # After the start of the run.
    priority: int = 0
    checkpoints: bool = True
    interval: str = ""  # Periodic checkpoints.
    submit_hours: float = 0.0  # After the start of the run.

    @property
    def expected_minutes(self):
        """What the owner says: a tenth more than it takes, as owners do."""
        return round(self.hours * 60 * 1.1)

    @property
    def steps(self):
        return round(self.hours * STEPS_PER_HOUR)


MIX = (
    Job("globe-1", "long, anywhere, due tomorrow night", 26, 2, deadline_hours=46, interval="6h"),
    Job("globe-2", "long, anywhere, due tomorrow night", 24, 2, deadline_hours=46),
    Job("globe-3", "long, anywhere, no deadline", 22, 2),
    Job("globe-4", "long, anywhere, no deadline", 20, 2, interval="6h"),
    Job("eu-archive", "two tasks, EU only, more than a night", 12, 1.5, ("EU",), count=2,
        deadline_hours=46),
    Job("cn-logs", "China only, more than a night", 11, 2, ("CN",), deadline_hours=46),
    Job("atlantic", "EU or US only", 14, 1, ("EU", "US"), count=2),
    Job("urgent-1", "urgent: due in six hours", 3, 1, deadline_hours=6, priority=50),
    Job("urgent-2", "urgent, on the second day", 2, 2, deadline_hours=26, priority=50,
        submit_hours=21),
    Job("render", "cannot checkpoint, due tomorrow", 4, 2, count=3, checkpoints=False,
        deadline_hours=36),
    Job("sweep", "an array of small ones", 2, 1, count=8),
)


def deadline_of(job, start):
    if job.deadline_hours is None:
        return None
    return start + datetime.timedelta(hours=job.deadline_hours)


def plans(mix, start):
    """The tasks of the mix, as the verdict needs them."""
    result = []
    for job in mix:
        for index in range(job.count):
            result.append(evidence.TaskPlan(
                name=f"{job.name}/{index}", cores=job.cores, steps=job.steps,
                first=first_number(mix, job, index), segment=SEGMENT, residency=job.residency,
                deadline=deadline_of(job, start), checkpoints=job.checkpoints))
    return result


def first_number(mix, job, index):
    before = sum(other.count for other in mix[:mix.index(job)])
    return (before + index + 1) * NUMBERS_PER_TASK


def submit_arguments(mix, job, *, start, step_seconds, program, evidence_folder):
    """What follows `heliotrope job submit` for a job. Tasks of an array share their numbers' start
    and find their own by HELIOTROPE_TASK_INDEX."""
    flags = ["--name", job.name, "--request-id", f"quickstart-{job.name}",
             "--cores", f"{job.cores:g}", "--memory", "64MiB", "--expected", f"{job.expected_minutes}m",
             "--residency", ",".join(job.residency), "--retries", "3"]
    if job.count > 1:
        flags += ["--count", str(job.count)]
    if job.deadline_hours is not None:
        flags += ["--deadline", f"{deadline_of(job, start):%Y-%m-%dT%H:%M:%SZ}"]
    if job.priority:
        flags += ["--priority", str(job.priority)]
    if job.checkpoints:
        flags += ["--checkpoint", "--checkpoint-size", "64KiB"]
    if job.interval:
        flags += ["--checkpoint-interval", job.interval]
    command = [*program, "--first", str(first_number(mix, job, 0)),
               "--stride", str(NUMBERS_PER_TASK), "--segment", str(SEGMENT),
               "--steps", str(job.steps), "--step-seconds", f"{step_seconds:g}"]
    if evidence_folder:
        command += ["--evidence", str(evidence_folder)]
    return flags + ["--", *command]
