#!/usr/bin/env python3
"""Real daemons, real processes, real faults; see README.md.

fire.py [--minutes M | --once] [--seed S] [--delay MS] [--report FILE] [--keep]
"""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time

SKIPPED = 77
INSIDE = "HT_FIRE_INSIDE"
UNSHARE = ("unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc")
# After the last fault: far more than the longest backoff, many times over.
END_SECONDS = 240 * float(os.environ.get("HT_SLOWNESS", "1"))


def why_not():
    """What is missing here, or nothing."""
    if os.geteuid() != 0:
        return "not root: network namespaces and mounts need it"
    for program in ("unshare", "nsenter", "ip", "mkfs.ext4", "mount", "chattr", "openssl"):
        if shutil.which(program) is None:
            return f"there is no {program}"
    tried = subprocess.run(
        [*UNSHARE, "sh", "-c",
         "ip link add w0 type veth peer name w1 && test -e /dev/loop-control"],
        capture_output=True, text=True)
    if tried.returncode != 0:
        return f"namespaces, veth or loop devices are refused: {tried.stderr.strip()}"
    return None


def inside_namespaces():
    """Starts this program again where it can do no harm; its exit code."""
    reason = why_not()
    if reason:
        print(f"SKIPPED: {reason}")
        return SKIPPED
    return subprocess.run([*UNSHARE, sys.executable, *sys.argv],
                          env={**os.environ, INSIDE: "1"}).returncode


def arguments():
    parser = argparse.ArgumentParser(description="real daemons under fire")
    parser.add_argument("--minutes", type=float, default=10, help="of faults; default 10")
    parser.add_argument("--once", action="store_true", help="one short fault of each kind instead")
    parser.add_argument("--seed", type=int, default=int(time.time()))
    parser.add_argument("--delay", type=float, default=150,
                        help="milliseconds between any two places, each way; default 150")
    parser.add_argument("--report", help="write the report there as well")
    parser.add_argument("--keep", action="store_true", help="leave the directory of the world")
    return parser.parse_args()


def report_of(options, storm, clients, lines, verdicts, took):
    record = clients.record
    attempts = {(line.job, line.index, line.attempt) for line in lines if line.kind == "start"}
    text = [f"seed {options.seed}, {took:.0f} s of faults, {options.delay:.0f} ms each way, lease "
            f"{LEASE_SECONDS} s", "", "| fault | times |", "|---|---|"]
    text += [f"| {kind} | {count} |" for kind, count in sorted(storm.faults.counts.items())]
    text += [f"| all | {sum(storm.faults.counts.values())} |", "",
             "| what | how many |", "|---|---|",
             f"| jobs acknowledged | {len(record.names())} |",
             f"| cancels acknowledged | {len(record.cancels)} |",
             f"| attempts that ran | {len(attempts)} |",
             f"| processes of them | {sum(line.kind == 'start' for line in lines)} |",
             f"| checkpoints that they saved | {sum(line.kind == 'save' for line in lines)} |",
             f"| lines of evidence | {len(lines)} |",
             f"| daemons that could not start, or go on, and were started again | "
             f"{sum(len(daemon.ends) for daemon in clients.world.daemons)} |",
             "", "| verdict | how many |", "|---|---|"]
    text += [f"| {name} | {len(wrong)} |" for name, wrong in verdicts.items()]
    return "\n".join(text) + "\n"


def burn(options, root):
    """Whether every promise was kept."""
    witness = os.path.join(root, "heliotrope-fire-witness")
    shutil.copyfile(os.path.join(fleet.BIN, "heliotrope-fire-witness"), witness)
    os.chmod(witness, 0o755)
    world = World(root, options.delay / 1000)
    clients = Clients(world, witness, options.seed, most_active=8 if options.once else 20,
                      most_steps=60 if options.once else 240)
    storm = Storm(world, options.seed, at_once=1 if options.once else 3,
                  pause=1.0 if options.once else 4.0)
    world.start()
    fleet.until(lambda: scheduler_serves(world), lambda: f"the fleet is up\n{world.logs()}")
    clients.start()
    begin = time.monotonic()
    if options.once:
        storm.once_each(longest=1.5)
    else:
        storm.rage(options.minutes * 60)
    took = time.monotonic() - begin
    shown = lambda: f"{clients.active()[:5]}\n{world.logs()}"
    stuck = None
    try:
        storm.until(lambda: scheduler_serves(world), lambda: f"the fleet is whole\n{shown()}",
                    END_SECONDS)
        clients.stop()
        storm.until(lambda: not clients.active(), lambda: f"every job ends: {shown()}",
                    END_SECONDS)
        clients.end()
        clients.list_all()
    except (AssertionError, grpc.RpcError) as error:
        stuck = str(error)
        clients.end()
    lines = judges.read_evidence(os.path.join(root, "evidence-of"))
    verdicts = judges.judge(lines, clients.record)
    verdicts["daemons that crashed"] = [
        f"{daemon.directory} was ended by signal {-code}" for daemon in world.daemons
        for code in daemon.ends if code < 0]
    report = report_of(options, storm, clients, lines, verdicts, took)
    print(report)
    if options.report:
        with open(options.report, "w", encoding="utf-8") as file:
            file.write(report)
    wrong = [text for found in verdicts.values() for text in found[:10]] + clients.errors[:10]
    if wrong or stuck:
        with open(os.path.join(root, "history"), "w", encoding="utf-8") as file:
            file.write("\n".join(storm.history) + "\n")
        print("\n".join(wrong), *([stuck] if stuck else []), sep="\n")
        print(f"FAILED with --seed {options.seed}; the history of the faults:")
        print("\n".join(storm.history[-60:]))
    return not wrong and not stuck


def main():
    options = arguments()
    if INSIDE not in os.environ:
        return inside_namespaces()
    print(f"fire: seed {options.seed}", flush=True)
    root = tempfile.mkdtemp(prefix="heliotrope-fire-")
    os.chmod(root, 0o755)
    kept = True
    try:
        kept = not burn(options, root)
    finally:
        if options.keep or kept:
            print(f"its files: {root}")
        else:
            subprocess.run(["umount", "--all-targets", "--recursive", root], capture_output=True)
            shutil.rmtree(root, ignore_errors=True)
    return 1 if kept else 0


if __name__ == "__main__":
    if INSIDE in os.environ:
        from world import LEASE_SECONDS, World  # noqa: E402
        from faults import Storm  # noqa: E402
        from jobs import Clients, scheduler_serves  # noqa: E402
        import fleet  # noqa: E402
        import grpc  # noqa: E402
        import judges  # noqa: E402
    sys.exit(main())
