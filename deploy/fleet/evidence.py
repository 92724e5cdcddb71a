"""What the jobs saw, and the verdict on it. Pure: values in, values out.

The witnesses are the jobs' own notes (work.py), the recorded loads and real clocks; what the
scheduler says of itself is not asked for here, except whether a task has ended.
"""

import datetime
import hashlib
import json
import math
from dataclasses import dataclass, field

import fleet

# How far the sum of foreground and batch may be above the target, as shares of the capacity: a
# forecast is not a promise, and leaving takes a task some minutes of the accelerated time.
OVERRUN_CORE_HOURS_MAX = 0.02  # Of all batch core hours.
HOST_LOAD_MAX = 1.0
GRID = datetime.timedelta(minutes=5)
LONGEST_STOPOVER = datetime.timedelta(hours=1)


@dataclass(frozen=True)
class TaskPlan:
    """One task as submitted, as far as the verdict needs it."""

    name: str  # "JOB/INDEX"
    cores: float
    steps: int
    first: int
    segment: int
    residency: tuple
    deadline: datetime.datetime | None = None
    checkpoints: bool = True


@dataclass
class Process:
    """One process of a task, from its own notes. A periodic checkpoint ends one and starts the
    next under the same attempt number; a move starts the next under a higher one."""

    attempt: int
    data_center: str
    begin: float  # real seconds
    end: float
    restored: int
    done: int
    how: str  # "finish", "save", or "cut" when the notes just stop


def read_events(lines):
    """Notes of one task, in order of time. A line that a kill has torn is left out."""
    events = []
    for line in lines:
        try:
            events.append(json.loads(line))
        except ValueError:
            continue
    return sorted(events, key=lambda event: event["time"])


def processes_of(events):
    """The processes of a task in order of their start."""
    processes = []
    by_pid = {}
    for event in events:
        if event["event"] == "start":
            by_pid[event["pid"]] = Process(event["attempt"], event["data_center"], event["time"],
                                           event["time"], event["done"], event["done"], "cut")
            processes.append(by_pid[event["pid"]])
        elif event["pid"] in by_pid:
            process = by_pid[event["pid"]]
            process.end, process.done = event["time"], event["done"]
            if event["event"] in ("save", "finish"):
                process.how = event["event"]
    return processes


def journey(processes, clock):
    """`hangzhou 02:10 -> frankfurt-1 22:40`: where and at which local time each stay began. Waiting
    for the next night in the same place makes two stays; a checkpoint in between does not."""
    stops, before = [], None
    for process in processes:
        stays = before and process.data_center == before.data_center and (
            clock.at(process.begin) - clock.at(before.end) < LONGEST_STOPOVER)
        if not stays:
            local = fleet.DATA_CENTERS[process.data_center].local(clock.at(process.begin))
            stops.append(f"{process.data_center} {local:%H:%M}")
        before = process
    return " -> ".join(stops) or "has not run"


def regions_of(processes):
    return {fleet.DATA_CENTERS[process.data_center].region for process in processes}


def moves_of(processes):
    """Pairs of processes in different data centers, one after the other."""
    return [(a, b) for a, b in zip(processes, processes[1:]) if a.data_center != b.data_center]


def expected_result(plan):
    """(primes, chain) that the task must find; by one sieve over all of it, unlike the job."""
    begin, end = plan.first, plan.first + plan.steps * plan.segment
    is_prime = bytearray([1]) * (end - begin)
    root = math.isqrt(end) + 1
    is_small_prime = bytearray([1]) * (root + 1)
    for n in range(2, root + 1):
        if not is_small_prime[n]:
            continue
        is_small_prime[n * n::n] = bytes(len(range(n * n, root + 1, n)))
        start = max(n * n, (begin + n - 1) // n * n) - begin
        is_prime[start::n] = bytes(len(range(start, end - begin, n)))
    for n in (0, 1):
        if begin <= n < end:
            is_prime[n - begin] = 0
    total, chain = 0, ""
    for step in range(plan.steps):
        primes = sum(is_prime[step * plan.segment:(step + 1) * plan.segment])
        total += primes
        chain = hashlib.sha256(f"{chain} {primes}".encode()).hexdigest()
    return total, chain


@dataclass
class Check:
    """One line of the verdict."""

    name: str
    holds: bool
    summary: str
    faults: list = field(default_factory=list)


def check_of(name, faults, summary):
    return Check(name, not faults, summary, faults)


def check_finished(plans, runs, states):
    faults = []
    for plan in plans:
        finishes = sum(process.how == "finish" for process in runs[plan.name])
        state = states.get(plan.name, "unknown")
        if state != "SUCCEEDED" or finishes != 1:
            faults.append(f"{plan.name}: {state}, finished {finishes} times")
    return check_of("finished", faults, f"{len(plans) - len(faults)} of {len(plans)} tasks, "
                    "each exactly once")


def check_results(plans, results):
    faults = []
    for plan in plans:
        result = results.get(plan.name)
        if result is None:
            faults.append(f"{plan.name}: no result")
        elif (result.get("primes"), result.get("chain")) != expected_result(plan):
            faults.append(f"{plan.name}: wrong result {result.get('primes')}")
    return check_of("results", faults, f"{len(plans) - len(faults)} of {len(plans)} are right, "
                    "computed again another way")


def check_deadlines(plans, runs, clock):
    faults = []
    slacks = []
    with_deadline = [plan for plan in plans if plan.deadline]
    for plan in with_deadline:
        ends = [clock.at(process.end) for process in runs[plan.name] if process.how == "finish"]
        if not ends:
            faults.append(f"{plan.name}: not finished, deadline {plan.deadline:%d %H:%M}")
        elif ends[0] > plan.deadline:
            faults.append(f"{plan.name}: {format_hours(ends[0] - plan.deadline)} late")
        else:
            slacks.append(plan.deadline - ends[0])
    least = f", the tightest by {format_hours(min(slacks))}" if slacks else ""
    return check_of("deadlines", faults, f"{len(with_deadline) - len(faults)} of "
                    f"{len(with_deadline)} met{least}")


def check_work_carried(plans, runs, results):
    """Each process goes on exactly where the last one saved; the jobs' own count agrees."""
    faults, moves, carried, redone = [], 0, 0, 0
    for plan in plans:
        processes = runs[plan.name]
        saved, counted = None, []
        for process in processes:
            if process.restored != (saved or 0):
                faults.append(f"{plan.name}: {saved or 0} steps were saved, attempt {process.attempt} "
                              f"began with {process.restored}")
            # What a process took over, be it nothing yet, counts once it has handed it on; a killed
            # one hands on nothing.
            if saved is not None and process.how in ("save", "finish"):
                counted.append(process.restored)
            saved = process.done if process.how == "save" else saved
        result = results.get(plan.name) or {"carried": []}
        if processes and processes[-1].how == "finish" and counted != [
                item["steps"] for item in result["carried"]]:
            faults.append(f"{plan.name}: its result counts other carried work than its notes")
        moved = moves_of(processes)
        moves += len(moved)
        carried += sum(after.restored for _, after in moved)
        redone += max(0, sum(item.done - item.restored for item in processes) - plan.steps)
    if not moves:
        faults.append("nothing was moved")
    return check_of("work carried", faults, f"{moves} moves took {carried} finished steps along; "
                    f"{redone} of {sum(plan.steps for plan in plans)} steps were done twice")


def check_residency(plans, runs):
    faults, starts, bound = [], 0, 0
    for plan in plans:
        allowed = fleet.allowed_data_centers(plan.residency)
        for process in runs[plan.name]:
            starts += 1
            bound += len(allowed) < len(fleet.DATA_CENTERS)
            if process.data_center not in allowed:
                faults.append(f"{plan.name}: attempt {process.attempt} ran in "
                              f"{process.data_center}, allowed is {', '.join(plan.residency)}")
    return check_of("residency", faults, f"{starts} processes saw an allowed data center, "
                    f"{bound} of them of restricted jobs")


def check_one_at_a_time(plans, runs):
    faults = []
    for plan in plans:
        processes = runs[plan.name]
        for before, after in zip(processes, processes[1:]):
            if after.begin < before.end or after.attempt < before.attempt:
                faults.append(f"{plan.name}: attempts {before.attempt} and {after.attempt} overlap")
        if not plan.checkpoints and len(processes) > 1:
            faults.append(f"{plan.name}: cannot checkpoint, was started {len(processes)} times")
    return check_of("one attempt at a time", faults, "no two processes of a task ever overlapped")


def check_three_regions(plans, runs):
    travellers = [plan.name for plan in plans if len(regions_of(runs[plan.name])) == 3]
    faults = [] if travellers else ["no task ran in all three regions"]
    return check_of("around the world", faults,
                    f"{len(travellers)} tasks ran in all three regions")


@dataclass
class Overrun:
    batch_core_hours: float = 0.0
    over_core_hours: float = 0.0
    highest: float = 0.0
    where: str = ""


def overrun_of(plans, runs, loads, clock):
    """What of the batch was above the target, on a grid of 5 minutes of scheduling time."""
    overrun = Overrun()
    hours = GRID / datetime.timedelta(hours=1)
    intervals = {name: [] for name in fleet.DATA_CENTERS}
    for plan in plans:
        for process in runs[plan.name]:
            intervals[process.data_center].append(
                (clock.at(process.begin), clock.at(process.end), plan.cores))
    for name, spans in intervals.items():
        if not spans:
            continue
        moment = min(begin for begin, _, _ in spans)
        last = max(end for _, end, _ in spans)
        while moment < last:
            batch = sum(cores for begin, end, cores in spans if begin <= moment < end)
            foreground = loads[name].at(moment) * fleet.CORES
            above = foreground + batch - fleet.TARGET_UTILIZATION * fleet.CORES
            overrun.batch_core_hours += batch * hours
            # A foreground above the target by itself is not the batch's doing.
            overrun.over_core_hours += max(0.0, min(above, batch)) * hours
            share = (foreground + batch) / fleet.CORES
            if batch > 0 and share > overrun.highest:
                overrun.highest = share
                overrun.where = f"{name} {fleet.DATA_CENTERS[name].local(moment):%H:%M}"
            moment += GRID
    return overrun


def check_foreground(plans, runs, loads, clock):
    overrun = overrun_of(plans, runs, loads, clock)
    share = overrun.over_core_hours / max(overrun.batch_core_hours, 1e-9)
    faults = []
    if share > OVERRUN_CORE_HOURS_MAX:
        faults.append(f"{share:.1%} of the batch core hours were above the target")
    if overrun.highest > HOST_LOAD_MAX:
        faults.append(f"foreground and batch reached {overrun.highest:.0%} of {overrun.where}")
    return check_of("foreground", faults, f"{share:.1%} of {overrun.batch_core_hours:.0f} batch "
                    f"core hours above the target of {fleet.TARGET_UTILIZATION:.0%} (tolerance "
                    f"{OVERRUN_CORE_HOURS_MAX:.0%}); the fullest moment was "
                    f"{overrun.highest:.0%} ({overrun.where})")


def verdict(*, plans, runs, states, results, loads, clock):
    """All checks. `runs`: processes by task; `states`: the scheduler's; `results`: fetched."""
    return [
        check_finished(plans, runs, states),
        check_results(plans, results),
        check_deadlines(plans, runs, clock),
        check_work_carried(plans, runs, results),
        check_residency(plans, runs),
        check_one_at_a_time(plans, runs),
        check_foreground(plans, runs, loads, clock),
        check_three_regions(plans, runs),
    ]


def format_hours(duration):
    minutes = round(duration.total_seconds() / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min"
