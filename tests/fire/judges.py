"""The judges: one for each promise. Each takes the evidence of the jobs and what clients were told,
and returns what is wrong, a line each; nobody asks the scheduler what it believes.
"""

import collections
import os

from fleet import DATA_CENTERS, jobs_pb2

GROUPS = {"EU": {"DE"}}

Line = collections.namedtuple(
    "Line", "time kind job index attempt pid count from_attempt from_sequence said place")


def read_evidence(directory):
    """Lines of all data centers in the order of their times. `place` is where the file is, `said`
    what the agent told the job."""
    lines = []
    for place in sorted(os.listdir(directory)):
        path = os.path.join(directory, place, "evidence")
        if not os.path.exists(path):
            continue
        with open(path, encoding="ascii") as file:
            for text in file:
                time, kind, job, index, attempt, pid, count, of, sequence, said = text.split()
                lines.append(Line(int(time), kind, f"jobs/{job}", int(index), int(attempt),
                                  int(pid), int(count), int(of), int(sequence), said, place))
    return sorted(lines)


def by_task(lines):
    tasks = collections.defaultdict(list)
    for line in lines:
        tasks[line.job, line.index].append(line)
    return tasks


def lost(lines, record):
    """Promise 1: an acknowledged job is there."""
    return [f"{name} was acknowledged and is gone" for name in sorted(record.names())
            if name not in record.listed]


def requests(lines, record):
    """Promise 2: the same request id, the same job."""
    wrong = [f"request {request} was answered with {sorted(names)}"
             for request, names in record.answers.items() if len(names) > 1]
    jobs = collections.defaultdict(list)
    for name, (request, _, _) in record.listed.items():
        jobs[request].append(name)
    return wrong + [f"request {request} has made {names}" for request, names in jobs.items()
                    if len(names) > 1]


def doubled(lines, record):
    """Promise 3: at most one live attempt of a task; numbers only grow."""
    wrong = [f"{line.job}/{line.index}: attempt {line.attempt} has met another that was alive"
             for line in lines if line.kind == "doubled"]
    for (job, index), own in by_task(lines).items():
        spans = {}
        for line in own:
            first, _ = spans.get((line.attempt, line.pid), (line.time, None))
            spans[line.attempt, line.pid] = first, line.time
        ordered = sorted((first, last, attempt) for (attempt, _), (first, last) in spans.items())
        for (_, last, attempt), (first, _, following) in zip(ordered, ordered[1:]):
            if first <= last:
                wrong.append(f"{job}/{index}: attempts {attempt} and {following} lived at once for "
                             f"{(last - first) / 1e9:.3f} s")
            if following < attempt:
                wrong.append(f"{job}/{index}: attempt {following} was started after {attempt}")
        places = collections.defaultdict(set)
        for line in own:
            places[line.attempt].add(line.place)
        wrong += [f"{job}/{index}: attempt {attempt} was in {sorted(where)}"
                  for attempt, where in places.items() if len(where) > 1]
    return wrong


def final(lines, record):
    """Promise 5: a terminal state stays, and what succeeded has ended, once."""
    wrong = []
    for (job, index), own in by_task(lines).items():
        told = record.ends.get((job, index))
        if told is not None:
            wrong += [f"{job}/{index}: attempt {line.attempt} was started after it was {told[1]}"
                      for line in own if line.kind == "start" and line.time > told[0]]
    tasks = by_task(lines)
    for name, (request, _, found) in record.listed.items():
        plan = record.submitted.get(request)
        for index, task in enumerate(found):
            state = jobs_pb2.Task.State.Name(task.state).removeprefix("STATE_")
            told = record.ends.get((name, index))
            if told is not None and told[1] != state:
                wrong.append(f"{name}/{index}: was {told[1]} and is {state}")
            if state != "SUCCEEDED":
                continue
            ends = [line for line in tasks[name, index]
                    if line.kind == "end" and line.attempt == task.attempt]
            if len(ends) != 1 or (plan and ends[0].count != plan["steps"]):
                wrong.append(f"{name}/{index}: SUCCEEDED, and its attempt {task.attempt} has ended "
                             f"{len(ends)} times")
    return wrong


def progress(lines, record):
    """Nothing is lost that a complete checkpoint holds, but for the newest when it is beyond reach
    and the one before is not: so never more than an interval. Within an attempt nothing is lost:
    its next process is started after a save, with the attempt's own files. What is killed while it
    saves, or cannot be sealed when it is to leave, ends its attempt; it may have saved more than it
    came to swear to."""
    told = collections.defaultdict(list)
    for time, name, index, attempt, sequence in record.checkpoints:
        told[name, index].append((time, (attempt, sequence)))
    wrong = []
    for (job, index), own in by_task(lines).items():
        saved = {}  # attempt: what its newest save is called.
        for line in own:
            if line.kind == "save":
                saved[line.attempt] = line.from_attempt, line.from_sequence
            if line.kind != "start":
                continue
            newest = saved.get(line.attempt, (0, 0))
            if (line.from_attempt, line.from_sequence) < newest:
                wrong.append(f"{job}/{index}: attempt {line.attempt} went on from checkpoint "
                             f"{line.from_attempt}.{line.from_sequence}, it had saved "
                             f"{newest[0]}.{newest[1]}")
            known = sorted({key for time, key in told[job, index]
                            if time < line.time and key[0] < line.attempt})
            if not known:
                continue
            needed = known[-2] if len(known) > 1 else known[0]
            if (line.from_attempt, line.from_sequence) < needed:
                wrong.append(f"{job}/{index}: attempt {line.attempt} began from checkpoint "
                             f"{line.from_attempt}.{line.from_sequence}, {needed[0]}.{needed[1]} "
                             "was complete")
    return wrong


def allowed_places(residency):
    if "any" in residency:
        return set(DATA_CENTERS)
    codes = set().union(*(GROUPS.get(word, {word}) for word in residency))
    return {name for name, (_, code, _) in DATA_CENTERS.items() if code in codes}


def residency(lines, record):
    """Promise 6: no attempt outside, whoever says where it is, and no checkpoint at rest."""
    allowed = {name: allowed_places(record.submitted[request]["residency"])
               for request, names in record.answers.items() for name in names}
    rests = {f"{job}: a checkpoint of it was on a disk in {place}"
             for place, job in record.at_rest if job in allowed and place not in allowed[job]}
    return sorted(rests | {f"{line.job}/{line.index}: attempt {line.attempt} ran in {line.place}"
                   for line in lines if line.job in allowed and line.place not in allowed[line.job]
                   } | {f"{line.job}/{line.index}: in {line.place} it was told to be in {line.said}"
                        for line in lines if line.said != line.place})


def cancelled(lines, record):
    """Promise 12: once a cancel is acknowledged, no further attempt is made."""
    return [f"{line.job}/{line.index}: attempt {line.attempt} was started, though it was cancelled "
            f"at {record.cancels[line.job].get(line.index)}"
            for line in lines if line.kind == "start" and line.job in record.cancels and
            line.attempt > record.cancels[line.job].get(line.index, 0)]


def ended(lines, record):
    """When faults stop every task ends, and as it should: nothing fails for what was done to it."""
    wrong = []
    for name, (_, state, tasks) in record.listed.items():
        good = {"SUCCEEDED", "CANCELLED"} if name in record.cancels else {"SUCCEEDED"}
        if state not in good:
            shown = [f"{task.reason}: {task.detail}" for task in tasks
                     if jobs_pb2.Task.State.Name(task.state) != "STATE_SUCCEEDED"]
            wrong.append(f"{name} is {state}: {shown[:3]}")
    return wrong


JUDGES = {
    "acknowledged jobs lost": lost,
    "request ids with two jobs": requests,
    "two live attempts of a task": doubled,
    "ends that did not stay, or were not": final,
    "progress lost that a checkpoint held": progress,
    "attempts outside their residency": residency,
    "attempts after a cancel": cancelled,
    "jobs that did not end well": ended,
}


def judge(lines, record):
    return {name: judge_one(lines, record) for name, judge_one in JUDGES.items()}
