#!/usr/bin/env python3
"""Checks who includes whom, against the table below.

Usage: check.py ROOT      ROOT holds scheduler/ and agent/. Prints one line per violation, exits 1.

A pure room gets everything that it decides from as a value, so what would give it I/O, time, chance
or another thread is banned there by name. The table says for each room which other rooms its files
may include; arrows never turn, and no room sees more than it needs.
"""

import pathlib
import re
import sys

BASE = {"scheduler/base"}
EDGE = BASE | {"scheduler/wire", "scheduler/os"}
PURE_SCHEDULER = {"scheduler/model", "scheduler/curve", "scheduler/plan", "scheduler/core"}
AGENT_SHELL = EDGE | {"agent/core", "agent/shim"}

# Room -> the rooms that it may include beside itself.
MAY_INCLUDE = {
    "scheduler/base": set(),
    "scheduler/wire": BASE,
    "scheduler/os": BASE,
    "scheduler/model": BASE,
    "scheduler/curve": BASE | {"scheduler/model"},
    "scheduler/plan": BASE | {"scheduler/model", "scheduler/curve"},
    "scheduler/core": BASE | {"scheduler/model", "scheduler/curve", "scheduler/plan"},
    "scheduler/store": EDGE | PURE_SCHEDULER,
    "scheduler/feeds": EDGE | PURE_SCHEDULER,
    "scheduler/rpc": EDGE | PURE_SCHEDULER,
    "scheduler/daemon": EDGE | PURE_SCHEDULER
    | {"scheduler/store", "scheduler/feeds", "scheduler/rpc"},
    "scheduler/sim": BASE | PURE_SCHEDULER | {"scheduler/os", "agent/core"},
    # Backtests and simulations run in the command itself.
    "scheduler/cli": EDGE | {"scheduler/curve", "scheduler/sim"},
    "scheduler": EDGE | {"scheduler/daemon"},
    "agent/core": BASE,
    # Outlives the agent and stays small: neither gRPC nor protobuf, see BANNED.
    "agent/shim": BASE,
    "agent/link": AGENT_SHELL | {"agent/exec", "agent/checkpoint"},
    "agent/exec": AGENT_SHELL,
    "agent/probe": AGENT_SHELL,
    "agent/checkpoint": AGENT_SHELL | {"agent/exec"},
    "agent/daemon": AGENT_SHELL
    | {"agent/link", "agent/exec", "agent/probe", "agent/checkpoint"},
    "agent": EDGE | {"agent/daemon"},
}

PURE = PURE_SCHEDULER | {"scheduler/base", "agent/core"}
GENERATED = (r".*\.pb\.h", "generated protobuf code")
GRPC = (r"(grpc|grpcpp|grpc\+\+)/.*", "gRPC")
PROTOBUF = (r"google/protobuf/.*", "protobuf")

# What a pure room never includes: pattern of the included name, and what it is.
BANNED_IN_PURE = [
    GENERATED,
    GRPC,
    PROTOBUF,
    (r"(prometheus|spdlog|yaml-cpp|systemd|sqlite3|openssl|archive)\b.*", "an outside library"),
    (r"httplib\.h|zstd\.h", "an outside library"),
    (r"thread|mutex|shared_mutex|condition_variable|atomic|future|stop_token", "concurrency"),
    (r"random", "chance: use scheduler/base/random.h"),
    (r"chrono|ctime|time\.h|sys/time\.h|absl/time/clock\.h", "a clock: now is a parameter"),
    (r"fstream|filesystem|iostream|cstdio|stdio\.h", "I/O"),
    (r"unistd\.h|fcntl\.h|sys/.*|pthread\.h", "the operating system"),
    (r"absl/synchronization/.*", "concurrency"),
    (r"scheduler/base/mutex\.h", "concurrency"),
]
# Room -> what it in particular never includes.
BANNED = {
    "agent/shim": [GENERATED, GRPC, PROTOBUF],
    "scheduler/os": [GRPC],
}
# Calls that a pure room never makes: pattern, and what to do instead.
BANNED_CALLS = [
    (r"\babsl::Now\s*\(", "now is a parameter"),
    (r"\bLoadTimeZone\s*\(", "zones come in as absl::TimeZone values"),
    (r"\bLocalTimeZone\s*\(", "zones come in as absl::TimeZone values"),
    (r"\bgetenv\s*\(", "settings are parameters"),
    (r"\bstd::(cout|cerr|clog)\b", "pure rooms do not print"),
    (r"\b(printf|fprintf|puts)\s*\(", "pure rooms do not print"),
    (r"\bLog(Debug|Info|Warning|Error)\s*\(", "pure rooms do not log"),
    (r"(?<![\w.>:])(std::)?(rand|random|srand|time|clock)\s*\(", "chance and time are parameters"),
]
# File -> patterns of names that it alone may include, or "calls": what the rule is made from.
EXEMPT = {
    # The wrapper that carries the annotations; banned itself in pure rooms.
    "scheduler/base/mutex.h": {"mutex", "condition_variable", "chrono"},
    # A broken invariant says so on stderr before it aborts.
    "scheduler/base/check.cc": {"cstdio", "calls"},
}

INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def room_of(path):
    """The room of a path such as scheduler/store/sqlite/x.cc, or None for what is in no room."""
    parts = path.split("/")
    if parts[0] not in ("scheduler", "agent"):
        return None
    return parts[0] if len(parts) == 2 else "/".join(parts[:2])


def without_comments(text):
    """The code with comments and string literals blanked, line for line."""
    pattern = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"|\'(?:\\.|[^\'\\\n])*\'', re.S)
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), text)


def check_include(path, room, included):
    """Why this include is wrong, or None."""
    if included in EXEMPT.get(path, ()):
        return None
    bans = BANNED.get(room, []) + (BANNED_IN_PURE if room in PURE else [])
    for pattern, what in bans:
        if re.fullmatch(pattern, included):
            return f"{room} must not include {included}: {what}"
    if included.startswith(("tests/", "build/", "../", "./")):
        return f"{room} must not include {included}"
    target = room_of(included)
    if target is None or target == room:
        return None
    if target not in MAY_INCLUDE:
        return f"{included} is in no room of the table"
    if target not in MAY_INCLUDE[room]:
        return f"{room} must not include {target} ({included})"
    return None


def check_file(root, path):
    """Yields (line number, why) for each violation of one file."""
    room = room_of(path)
    if room not in MAY_INCLUDE:
        yield 1, f"{room} is in no row of the table in tests/layering/check.py"
        return
    text = (root / path).read_text(encoding="utf-8", errors="replace")
    for number, line in enumerate(text.splitlines(), 1):
        found = INCLUDE.match(line)
        why = check_include(path, room, found.group(1)) if found else None
        if why:
            yield number, why
    if room not in PURE or "calls" in EXEMPT.get(path, ()):
        return
    for number, line in enumerate(without_comments(text).splitlines(), 1):
        for pattern, instead in BANNED_CALLS:
            found = re.search(pattern, line)
            if found and not INCLUDE.match(line):
                yield number, f"{room} must not use {found.group().rstrip(' (')}: {instead}"


def check_tree(root):
    """All violations, as lines of text, and how many files were looked at."""
    root = pathlib.Path(root)
    paths = sorted(
        path.relative_to(root).as_posix()
        for top in ("scheduler", "agent")
        for path in (root / top).rglob("*")
        if path.suffix in (".h", ".cc"))
    violations = [f"{path}:{number}: {why}"
                  for path in paths for number, why in check_file(root, path)]
    return violations, len(paths)


def main(arguments):
    if len(arguments) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    violations, count = check_tree(arguments[0])
    for violation in violations:
        print(violation)
    if count == 0:
        print(f"no sources under {arguments[0]}: nothing was checked")
        return 1
    print(f"{count} files, {len(violations)} violations")
    return 1 if violations else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
