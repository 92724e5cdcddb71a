#!/usr/bin/python3 -IS
"""An example of a job that can travel: counts primes, saves when told to, goes on elsewhere.

It is also the reference for the checkpoint contract, which is all of these few lines:

  - SIGTERM means "save and leave": write the state into $HELIOTROPE_CHECKPOINT_DIR, exit with 85.
  - At the start, whatever is in that directory is what the attempt before has saved.
  - Results go to $HELIOTROPE_OUTPUT_DIR. Exit 0 means finished.

The work is a number of steps; step k counts the primes of the k-th segment and folds the count into
a chain of SHA-256. So the final digest is right only if every step was done exactly once and in
order, on however many machines. A step takes its real time even on an idle machine, so that a trial
run can play hours of work in seconds.

Options: --first N --stride N --segment N (task i counts from first + i * stride, so many a step),
--steps N, --step-seconds S, --evidence DIR (optional: append there what this process sees, for
someone who does not believe the scheduler).
"""

import hashlib
import json
import os
import signal
import sys
import time

CHECKPOINT_EXIT_CODE = 85
# How many steps it may lag behind its pace and still catch up: a frozen hour is not made up for.
CATCH_UP_STEPS = 2
STEPS_PER_PROGRESS_LINE = 10


def read_options(arguments):
    options = {"--first": "0", "--stride": "0", "--segment": "20000", "--steps": "100",
               "--step-seconds": "0.25", "--evidence": ""}
    for name, value in zip(arguments[::2], arguments[1::2]):
        if name not in options:
            sys.exit(f'unknown option "{name}": have {" ".join(options)}')
        options[name] = value
    if len(arguments) % 2 != 0:
        sys.exit(f'option "{arguments[-1]}" lacks a value')
    return options


def small_primes(limit):
    """The primes below the limit."""
    sieve = bytearray([1]) * max(limit, 2)
    sieve[0:2] = b"\0\0"
    for n in range(2, int(limit**0.5) + 1):
        if sieve[n]:
            sieve[n * n::n] = bytes(len(range(n * n, len(sieve), n)))
    return [n for n in range(len(sieve)) if sieve[n]]


def count_primes(first, size, divisors):
    """How many of first .. first + size - 1 are prime; divisors reach the root of the largest."""
    sieve = bytearray([1]) * size
    for divisor in divisors:
        if divisor * divisor >= first + size:
            break
        start = max(divisor * divisor, -(-first // divisor) * divisor) - first
        sieve[start::divisor] = bytes(len(range(start, size, divisor)))
    return sum(sieve) - sum(1 for n in (0, 1) if first <= n < first + size)


def chain_on(chain, primes):
    return hashlib.sha256(f"{chain} {primes}".encode()).hexdigest()


def write_atomically(path, value):
    with open(path + ".new", "w", encoding="ascii") as file:
        json.dump(value, file)
        file.flush()
        os.fsync(file.fileno())
    os.rename(path + ".new", path)


class Evidence:
    """What this attempt sees of itself, one JSON object a line."""

    def __init__(self, folder):
        self.who = {
            "task": f'{os.environ["HELIOTROPE_JOB_ID"]}/{os.environ["HELIOTROPE_TASK_INDEX"]}',
            "attempt": int(os.environ["HELIOTROPE_ATTEMPT"]),
            "data_center": os.environ["HELIOTROPE_DATACENTER"],
            "pid": os.getpid(),
        }
        self.file = None
        if folder:
            path = os.path.join(folder, self.who["task"].replace("/", ".") + ".jsonl")
            self.file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)

    def note(self, event, done):
        line = {"event": event, "time": time.time(), "done": done, **self.who}
        if self.file is not None:
            os.write(self.file, (json.dumps(line) + "\n").encode())


def wait_for_leave(seconds):
    """Waits so long, at most. True as soon as we are told to save and leave."""
    return signal.sigtimedwait([signal.SIGTERM], max(0.0, seconds)) is not None


def main(arguments):
    # The signal is taken where we wait for it, between two steps, and nowhere else.
    signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGTERM])
    options = read_options(arguments)
    index = int(os.environ["HELIOTROPE_TASK_INDEX"])
    first = int(options["--first"]) + index * int(options["--stride"])
    segment = int(options["--segment"])
    steps, pace = int(options["--steps"]), float(options["--step-seconds"])
    evidence = Evidence(options["--evidence"])

    saved = os.path.join(os.environ["HELIOTROPE_CHECKPOINT_DIR"], "state.json")
    state = {"done": 0, "primes": 0, "chain": "", "carried": []}
    if os.path.exists(saved):
        with open(saved, encoding="ascii") as file:
            state = json.load(file)
        state["carried"].append({"attempt": evidence.who["attempt"], "steps": state["done"],
                                 "data_center": evidence.who["data_center"]})
    evidence.note("start", state["done"])
    print(f'attempt {evidence.who["attempt"]} in {evidence.who["data_center"]}: '
          f'{state["done"]} of {steps} steps came along', flush=True)

    divisors = small_primes(int((first + steps * segment) ** 0.5) + 1)
    due = time.monotonic()
    while state["done"] < steps:
        due = max(due, time.monotonic() - CATCH_UP_STEPS * pace) + pace
        primes = count_primes(first + state["done"] * segment, segment, divisors)
        if wait_for_leave(due - time.monotonic()):
            write_atomically(saved, state)
            evidence.note("save", state["done"])
            print(f'saved after {state["done"]} of {steps} steps', flush=True)
            return CHECKPOINT_EXIT_CODE
        state["done"] += 1
        state["primes"] += primes
        state["chain"] = chain_on(state["chain"], primes)
        if state["done"] % STEPS_PER_PROGRESS_LINE == 0:
            evidence.note("step", state["done"])
            print(f'{state["done"]} of {steps} steps, {state["primes"]} primes', flush=True)

    write_atomically(os.path.join(os.environ["HELIOTROPE_OUTPUT_DIR"], "result.json"),
                     {"attempt": evidence.who["attempt"], **state})
    evidence.note("finish", state["done"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
