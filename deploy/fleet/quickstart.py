#!/usr/bin/env python3
"""Two simulated days of the reference fleet on this machine: real daemons, real jobs, a verdict.

Called by deploy/quickstart, which explains the options, installs and builds.
"""

import argparse
import datetime
import json
import os
import pathlib
import queue
import shutil
import signal
import sys
import tempfile
import threading
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))

import client as cli  # noqa: E402
import evidence  # noqa: E402
import fleet  # noqa: E402
import jobs  # noqa: E402
import processes  # noqa: E402
import view  # noqa: E402

HERE = pathlib.Path(__file__).resolve().parent
# A Monday evening in Asia, so that the first night is theirs.
START = datetime.datetime(2026, 3, 2, 14, 0, tzinfo=datetime.timezone.utc)
READY_TIMEOUT = 60.0
POLL_SECONDS = 0.5
PLAIN_LINE_HOURS = 3
PLAIN_WIDTH = 200
# After the last day tasks may still be saving or fetching; real seconds.
LAST_CALL_SECONDS = 5.0
# Tasks run at idle priority. From this share of the CPUs on, a day of a minute is long enough.
CALM_SHARE = 0.8
LONGEST_DEFAULT_DAY = 180.0
HELD, BROKEN, TROUBLE = 0, 1, 1
ENDING_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Trouble(Exception):
    """Something that ends the quickstart, in words for people."""


class Interrupted(Exception):
    """Ctrl-C, or a signal that means the same."""


def parse_arguments(arguments):
    parser = argparse.ArgumentParser(prog="deploy/quickstart", add_help=False, allow_abbrev=False)
    parser.add_argument("--day-seconds", type=float, metavar="N")
    parser.add_argument("--days", type=float, default=2.0, metavar="N")
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--build-dir", default="build/release", metavar="DIR")
    parser.add_argument("--check-arguments", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.day_seconds is not None and not 30 <= options.day_seconds <= 86400:
        parser.error("--day-seconds must be 30 to 86400")
    if not 1 <= options.days <= 9:
        parser.error("--days must be 1 to 9: the recorded load ends after 10")
    return options


def day_seconds_for(share):
    """A day takes a minute; longer where other work leaves the tasks only a share of the CPUs."""
    return 60.0 if share >= CALM_SHARE else min(60.0 / max(share, 0.01), LONGEST_DEFAULT_DAY)


def check_build(folder):
    for name in ("heliotrope-scheduler", "heliotrope-agent", "heliotrope-shim", "heliotrope"):
        if not os.access(folder / name, os.X_OK):
            raise Trouble(f"{folder / name} is not there: deploy/quickstart builds it")


class Quickstart:
    """The whole run; `close` leaves nothing of it behind."""

    def __init__(self, options, out):
        self.options = options
        self.idle_share = processes.idle_share()
        self.day_seconds = options.day_seconds or day_seconds_for(self.idle_share)
        self.out = out
        self.is_terminal = out.isatty()
        self.color = self.is_terminal and "NO_COLOR" not in os.environ
        self.bin = pathlib.Path(options.build_dir).resolve() / "bin"
        check_build(self.bin)
        self.scratch = pathlib.Path(tempfile.mkdtemp(prefix="heliotrope-quickstart-"))
        # Tasks may run as another user and must reach their program and their notes' folder.
        self.scratch.chmod(0o711)
        self.logs = self.scratch / "logs"
        self.logs.mkdir()
        self.notes = self.scratch / "notes"
        self.notes.mkdir()
        self.notes.chmod(0o1777)
        self.work = self.scratch / "work.py"
        shutil.copy(HERE / "work.py", self.work)
        self.work.chmod(0o755)
        self.daemons = processes.Daemons(self.logs)
        self.clock = None
        self.client = None
        self.follower = None
        self.mix = jobs.MIX
        self.plans = jobs.plans(self.mix, START)
        self.loads = {name: fleet.Load.read(item.load_file)
                      for name, item in fleet.DATA_CENTERS.items()}
        self.decisions = queue.SimpleQueue()
        self.frame_lines = 0
        self.next_plain_hours = 0.0

    # Output.

    def say(self, *lines):
        """Lines that stay, above the live picture if there is one."""
        self.erase_frame()
        for line in lines:
            print(line, file=self.out)
        self.out.flush()

    def erase_frame(self):
        if self.frame_lines:
            self.out.write(f"\x1b[{self.frame_lines}A\x1b[J")
            self.frame_lines = 0

    def draw(self, lines):
        self.erase_frame()
        self.out.write("\n".join(lines) + "\n")
        self.out.flush()
        self.frame_lines = len(lines)

    # Setting up.

    def start_scheduler(self):
        ports = processes.free_ports(2 + 2 * len(fleet.DATA_CENTERS))
        self.port, self.http_port, *self.agent_ports = ports
        state = self.scratch / "scheduler"
        state.mkdir(mode=0o700)
        config = self.scratch / "scheduler.yaml"
        self.clock = fleet.Clock(anchor=time.time(), start=START,
                                 speed=86400 / self.day_seconds)
        config.write_text(fleet.scheduler_config(port=self.port, http_port=self.http_port,
                                                 state=state, clock=self.clock))
        self.daemons.start("scheduler", [self.bin / "heliotrope-scheduler", "--config", config])
        self.client = cli.Client(self.bin / "heliotrope", f"127.0.0.1:{self.port}")
        self.wait_until("the scheduler answers", self.scheduler_answers)

    def scheduler_answers(self):
        try:
            self.client.run("datacenter", "list", "--json", "--timeout", "2s")
            return True
        except cli.CommandFailed:
            return False

    def import_history(self):
        folder = self.scratch / "history"
        folder.mkdir()
        for name in fleet.DATA_CENTERS:
            path = folder / f"{name}.csv"
            with open(path, "w", encoding="ascii") as file:
                file.write("timestamp_utc,load\n")
                for moment, value in self.loads[name].before(START):
                    file.write(f"{moment:%Y-%m-%dT%H:%M:%SZ},{value:.4f}\n")
            try:
                self.client.run("curve", "import", name, path)
            except cli.CommandFailed:
                self.expect_all_daemons()
                raise

    def start_agents(self):
        for index, item in enumerate(fleet.DATA_CENTERS.values()):
            port, http_port = self.agent_ports[2 * index:2 * index + 2]
            state = self.state(item)
            state.mkdir(mode=0o711)
            config = self.scratch / f"agent-{item.name}.yaml"
            config.write_text(fleet.agent_config(
                item, node=f"{item.name}-a", scheduler_port=self.port, port=port,
                http_port=http_port, state=state))
            self.daemons.start(f"agent-{item.name}",
                               [self.bin / "heliotrope-agent", "--config", config])
        self.wait_until("all agents are connected", self.agents_are_connected)

    def state(self, data_center):
        return self.scratch / f"agent-{data_center.name}"

    def control_groups(self):
        """The names of the agents' control groups: node, and the instance of the state directory."""
        for item in fleet.DATA_CENTERS.values():
            instance = self.state(item) / "instance"
            if instance.exists():
                yield f"heliotrope-agent-{item.name}-a-{instance.read_text().strip()[:8]}"

    def agents_are_connected(self):
        nodes = self.client.ask("node", "list")["nodes"]
        if sum(node["state"] == "STATE_READY" for node in nodes) < len(fleet.DATA_CENTERS):
            return False
        # The recorded loads are never zero: until each is known there is nothing to show.
        return all(int(item["foreground_milli_cores"]) > 0
                   for item in self.client.ask("datacenter", "list")["data_centers"])

    def wait_until(self, what, condition):
        deadline = time.monotonic() + READY_TIMEOUT
        while not condition():
            self.expect_all_daemons()
            if time.monotonic() > deadline:
                raise Trouble(f"waited {READY_TIMEOUT:.0f} s until {what}, in vain")
            time.sleep(0.1)

    def expect_all_daemons(self):
        """While the fleet is being set up, nothing may end."""
        time.sleep(0.05)
        for name, code, _ in self.daemons.take_ended():
            raise Trouble(f"{name} has ended with {code}; its log ends:\n{self.log_tail(name)}")

    def tell_ended_daemons(self):
        """A daemon may be killed while the fleet runs: that is what it is made for."""
        for name, code, command in self.daemons.take_ended():
            self.say(f"{name} has ended with {code}; start it again with:  {' '.join(command)} &")

    def log_tail(self, name):
        text = (self.logs / f"{name}.log").read_text(errors="replace")
        return "\n".join("    " + line for line in text.splitlines()[-8:])

    def watch_decisions(self):
        """One line per move, from the scheduler's own record of its decisions."""
        def read(pipe):
            for line in pipe:
                try:
                    self.decisions.put(json.loads(line)["decision"])
                except (ValueError, KeyError):
                    continue
        self.follower = self.client.follow("decision", "watch")
        threading.Thread(target=read, args=(self.follower.stdout,), daemon=True).start()

    def submit(self, job):
        """False if the scheduler cannot be reached now."""
        step_seconds = self.day_seconds / 24 / jobs.STEPS_PER_HOUR
        python = "/usr/bin/python3" if os.path.exists("/usr/bin/python3") else sys.executable
        arguments = jobs.submit_arguments(
            self.mix, job, start=START, step_seconds=step_seconds,
            program=[python, "-IS", self.work], evidence_folder=self.notes)
        try:
            name = self.client.run("job", "submit", *arguments).strip()
        except cli.CommandFailed:
            if self.scheduler_answers():
                raise
            return False  # The scheduler has gone; the same request id makes a second try safe.
        tasks = f", {job.count} tasks" if job.count > 1 else ""
        self.say(f"submitted {name}{tasks}: {job.what} ({job.hours:g} h on {job.cores:g} cores)")
        return True

    # The run.

    def run(self):
        self.say(f"state and logs: {self.scratch}")
        if self.idle_share < CALM_SHARE:
            self.say(f"other work leaves {self.idle_share:.0%} of the CPUs: a day takes "
                     f"{self.day_seconds:.0f} s")
        self.start_scheduler()
        self.import_history()
        self.say(f"scheduler on 127.0.0.1:{self.port}; {len(fleet.DATA_CENTERS)} load curves have "
                 "learned from four weeks")
        self.start_agents()
        self.say(f"{len(fleet.DATA_CENTERS)} agents connected, {fleet.CORES} cores each; a day "
                 f"takes {self.day_seconds:g} s")
        self.watch_decisions()
        self.follow_the_sun()
        return self.judge()

    def follow_the_sun(self):
        """Submits what is due, shows what happens, until all has ended or time is up."""
        waiting = sorted(self.mix, key=lambda job: job.submit_hours)
        while True:
            now = self.clock.at(time.time())
            hours = (now - START).total_seconds() / 3600
            self.tell_ended_daemons()
            self.daemons.reap_orphans(but=[self.follower.pid])
            if self.scheduler_answers():
                while waiting and waiting[0].submit_hours <= hours and self.submit(waiting[0]):
                    waiting.pop(0)
                if self.show(now, hours) == len(self.plans) and not waiting:
                    return
            if hours >= self.options.days * 24 + LAST_CALL_SECONDS * self.clock.speed / 3600:
                return
            time.sleep(POLL_SECONDS)

    def show(self, now, hours):
        """One picture. Returns how many tasks have ended."""
        try:
            counts = self.task_counts()
            rows = view.rows_of(self.client.ask("datacenter", "list"), now)
        except cli.CommandFailed:
            return 0  # The scheduler has gone in between; the next round will tell.
        width = shutil.get_terminal_size().columns if self.is_terminal else PLAIN_WIDTH
        while not self.decisions.empty():
            line = view.decision_line(self.decisions.get(), width)
            if line:
                self.say(line)
        if self.is_terminal:
            self.draw(view.frame(rows=rows, now=now, hours=hours, days=self.options.days,
                                 counts=counts, width=width, color=self.color))
        elif hours >= self.next_plain_hours:
            self.next_plain_hours = hours + PLAIN_LINE_HOURS
            self.say(view.plain(rows, now, hours, counts))
        return sum(counts.get(state, 0) for state in ("succeeded", "failed", "cancelled"))

    def task_counts(self):
        counts = {}
        for job in self.client.ask("job", "list", "--all")["jobs"]:
            for state, number in job["task_counts"].items():
                counts[state] = counts.get(state, 0) + int(number)
        return counts

    # The verdict.

    def read_notes(self):
        found = {}
        for plan in self.plans:
            path = self.notes / (plan.name.replace("/", ".") + ".jsonl")
            lines = path.read_text(errors="replace").splitlines() if path.exists() else []
            found[plan.name] = evidence.processes_of(evidence.read_events(lines))
        return found

    def task_states(self):
        states = {}
        for job in self.mix:
            for task in self.client.ask("job", "get", job.name, "--all-tasks")["tasks"]:
                index = task["name"].rpartition("/")[2]
                states[f"{job.name}/{index}"] = task["state"].removeprefix("STATE_")
        return states

    def fetch_results(self):
        """The outputs, from the agents that hold them, by the command."""
        results = {}
        for plan in self.plans:
            home = next(iter(sorted(fleet.allowed_data_centers(plan.residency))))
            try:
                results[plan.name] = json.loads(self.client.run(
                    "job", "output", plan.name, "result.json",
                    "--jurisdiction", fleet.DATA_CENTERS[home].jurisdiction))
            except (cli.CommandFailed, ValueError) as error:
                self.say(f"{plan.name}: no result: {error}")
        return results

    def judge(self):
        runs = self.read_notes()
        checks = evidence.verdict(plans=self.plans, runs=runs, states=self.task_states(),
                                  results=self.fetch_results(), loads=self.loads, clock=self.clock)
        self.say("", "Journeys, from the jobs' own notes, in local times:")
        self.say(*view.table([(plan.name, evidence.journey(runs[plan.name], self.clock))
                              for plan in self.plans], ("task", "journey")))
        self.say("", "Verdict, from what the jobs saw:", *view.verdict_lines(checks, self.color))
        if all(check.holds for check in checks):
            return HELD
        share = processes.idle_share()
        if min(share, self.idle_share) < CALM_SHARE:
            self.say("", f"Other work left {self.idle_share:.0%} of the CPUs before, and leaves "
                     f"{share:.0%} now; tasks run at idle priority. Try again on a quiet machine, "
                     f"or with --day-seconds {2 * self.day_seconds:.0f}.")
        return BROKEN

    def tell_how_to_use(self):
        self.say("", "The fleet goes on running. Try:",
                 f"  export HELIOTROPE_ADDRESS=127.0.0.1:{self.port}",
                 f"  export PATH={self.bin}:$PATH",
                 "  heliotrope plan show",
                 "  heliotrope curve show frankfurt-1",
                 "  heliotrope job get globe-1",
                 "  heliotrope job submit --name try --residency any --expected 2h -- sleep 5",
                 "  heliotrope job explain try",
                 f"  curl http://127.0.0.1:{self.http_port}/metrics",
                 f"End it, and leave nothing behind:  kill {os.getpid()}")

    def close(self, keep_files):
        self.daemons.stop(mark=str(self.scratch))
        processes.remove_control_groups(set(self.control_groups()))
        if keep_files:
            self.say(f"logs are kept in {self.logs}")
        else:
            shutil.rmtree(self.scratch, ignore_errors=True)


def on_signal(_number, _frame):
    raise Interrupted


def run_to_the_end(options, tell_code):
    """The run, the verdict, with --keep the wait, and the end of everything. `tell_code` gets the
    exit code as soon as it is known and all is said."""
    quickstart = None
    code = TROUBLE
    try:
        processes.become_reaper()
        signal.pthread_sigmask(signal.SIG_BLOCK, ENDING_SIGNALS)
        quickstart = Quickstart(options, sys.stdout)
        signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING_SIGNALS)
        code = quickstart.run()
        if options.keep:
            quickstart.tell_how_to_use()
            tell_code(code)
            while True:
                quickstart.daemons.reap_orphans(but=[quickstart.follower.pid])
                time.sleep(1)
    except Interrupted:
        code = 130 if code == TROUBLE else code
    except (Trouble, cli.CommandFailed) as error:
        print(f"quickstart: {error}", file=sys.stderr)
    finally:
        for number in ENDING_SIGNALS:
            signal.signal(number, signal.SIG_IGN)
        if quickstart:
            quickstart.close(keep_files=code not in (HELD, 130))
    return code


def keep_in_background(options):
    """With --keep the run lives in a process that outlasts this one, which passes on the exit code
    as soon as the verdict is there."""
    read_end, write_end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(read_end)
        os.setsid()

        def tell_code(code):
            os.write(write_end, bytes([code]))
            os.close(write_end)
            silence = os.open(os.devnull, os.O_RDWR)
            for descriptor in (0, 1, 2):
                os.dup2(silence, descriptor)

        os._exit(run_to_the_end(options, tell_code))
    os.close(write_end)
    while True:
        try:
            code = os.read(read_end, 1)
            return code[0] if code else os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        except Interrupted:
            os.kill(child, signal.SIGTERM)


def main(arguments):
    options = parse_arguments(arguments)
    if options.check_arguments:
        return 0
    for number in ENDING_SIGNALS:
        signal.signal(number, on_signal)
    # Tasks run as another user: with root's own mask they could not enter what is made for them.
    os.umask(0o022)
    if options.keep:
        return keep_in_background(options)
    return run_to_the_end(options, lambda code: None)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
