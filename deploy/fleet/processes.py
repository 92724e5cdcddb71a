"""Starts daemons and ends them, together with everything that they have started."""

import ctypes
import os
import pathlib
import signal
import socket
import subprocess
import time

PR_SET_CHILD_SUBREAPER = 36
PROGRAMS = ("heliotrope-scheduler", "heliotrope-agent", "heliotrope-shim", "heliotrope")


def become_reaper():
    """From here on, orphans among our descendants become our children, whatever session or process
    group they are in. So they can be found, and ended by their own ids, at the end."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_CHILD_SUBREAPER)")


def idle_share(seconds=0.5):
    """How much of the machine's CPUs work of idle priority, which the tasks are, gets now: 0 to 1."""
    workers = len(os.sched_getaffinity(0))
    read_end, write_end = os.pipe()
    children = []
    for _ in range(workers):
        child = os.fork()
        if child == 0:
            os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                pass
            os.write(write_end, f"{time.process_time()} ".encode())
            os._exit(0)
        children.append(child)
    os.close(write_end)
    for child in children:
        os.waitpid(child, 0)
    with os.fdopen(read_end) as pipe:
        used = sum(float(item) for item in pipe.read().split())
    return min(1.0, used / (workers * seconds))


def states():
    """{pid: (state's letter, parent's pid)} of every process."""
    result = {}
    for entry in pathlib.Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            fields = (entry / "stat").read_text().rpartition(")")[2].split()
        except OSError:
            continue
        result[int(entry.name)] = (fields[0], int(fields[1]))
    return result


def parents():
    """{pid: parent's pid} of every process that has not ended."""
    return {pid: parent for pid, (state, parent) in states().items() if state != "Z"}


def descendants(root):
    """The ids of all living descendants, parents first."""
    children = {}
    for pid, parent in parents().items():
        children.setdefault(parent, []).append(pid)
    found = list(children.get(root, []))
    for pid in found:
        found.extend(children.get(pid, []))
    return found


def free_ports(count):
    """So many ports of the loopback interface that nobody listens on at the moment."""
    sockets = [socket.socket(socket.AF_INET, socket.SOCK_STREAM) for _ in range(count)]
    try:
        for item in sockets:
            item.bind(("127.0.0.1", 0))
        return [item.getsockname()[1] for item in sockets]
    finally:
        for item in sockets:
            item.close()


class Daemons:
    """The daemons, each in a session of its own, so that Ctrl-C reaches only us."""

    def __init__(self, log_folder):
        self.log_folder = pathlib.Path(log_folder)
        self.running = {}

    def start(self, name, command):
        with open(self.log_folder / f"{name}.log", "ab") as log:
            self.running[name] = subprocess.Popen(
                [str(part) for part in command], stdin=subprocess.DEVNULL, stdout=log,
                stderr=subprocess.STDOUT, start_new_session=True)

    def take_ended(self):
        """(name, exit code, command) of daemons that are no more; each is told once."""
        ended = [name for name, process in self.running.items() if process.poll() is not None]
        return [(name, process.returncode, process.args)
                for name, process in ((name, self.running.pop(name)) for name in ended)]

    def reap_orphans(self, but):
        """What init does for orphans, and we instead of it: takes the ended ones away, so that
        nobody takes them for living. `but`: children that somebody else waits for."""
        ours = {process.pid for process in self.running.values()} | set(but)
        for pid, (state, parent) in states().items():
            if state == "Z" and parent == os.getpid() and pid not in ours:
                try:
                    os.waitpid(pid, os.WNOHANG)
                except ChildProcessError:
                    pass

    def stop(self, mark, timeout=10.0):
        """Asks the daemons to end, then ends all that is left of them and of their tasks, and every
        process of ours that has `mark`, a path of ours, in its command line: someone may have
        started a daemon again by hand. Whoever only reads our files is left alone."""
        for process in self.running.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        deadline = time.monotonic() + timeout
        for process in self.running.values():
            try:
                process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                pass
        end_all(lambda: descendants(os.getpid()) + ours_that_mention(mark))


def is_ours(arguments):
    """Whether a command line is that of one of our programs or of the example job."""
    names = [os.path.basename(argument) for argument in arguments[:3]]
    return names[0] in PROGRAMS or (names[0].startswith("python3") and "work.py" in names[1:])


def ours_that_mention(text):
    """The ids of all other processes of ours whose command line holds the text."""
    found = []
    for pid in parents():
        try:
            line = pathlib.Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            continue
        arguments = os.fsdecode(line).split("\0")
        if text in os.fsdecode(line) and pid != os.getpid() and is_ours(arguments):
            found.append(pid)
    return found


def reap():
    try:
        while os.waitpid(-1, os.WNOHANG)[0] != 0:
            pass
    except ChildProcessError:
        pass


def end_all(find, timeout=10.0):
    """Kills the processes that `find` finds, by id, until it finds none. False if some stay."""
    deadline = time.monotonic() + timeout
    while True:
        left = find()
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        reap()
        if not left or time.monotonic() > deadline:
            return not left
        time.sleep(0.02)


def remove_control_groups(names, root="/sys/fs/cgroup"):
    """Removes the empty control groups of these names, wherever they are, and those below them."""
    for folder, _, _ in os.walk(root, topdown=False):
        if not set(folder.split("/")).isdisjoint(names):
            try:
                os.rmdir(folder)
            except OSError:
                pass
