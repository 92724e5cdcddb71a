#!/usr/bin/env python3
"""Shows that the layering check bites: each planted violation must be found, at its line."""

import pathlib
import subprocess
import sys
import tempfile
import unittest

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE))
import check  # noqa: E402

# (what it shows, file, content, what the complaint holds)
PLANTED = [
    ("a pure room includes gRPC", "scheduler/core/machine.cc",
     "#include <grpcpp/grpcpp.h>\n", ":1: scheduler/core must not include grpcpp/grpcpp.h: gRPC"),
    ("the agent's pure room includes gRPC", "agent/core/machine.h",
     '#pragma once\n#include "grpcpp/server.h"\n', ":2: agent/core must not include grpcpp"),
    ("a pure room includes generated code", "scheduler/model/job.h",
     '#include "heliotrope/v1/jobs.pb.h"\n', "generated protobuf code"),
    ("a pure room includes metrics", "scheduler/curve/a.cc",
     '#include "prometheus/counter.h"\n', "an outside library"),
    ("a pure room takes a thread", "scheduler/plan/a.cc", "#include <thread>\n", "concurrency"),
    ("a pure room takes a lock", "scheduler/plan/a.cc",
     '#include "scheduler/base/mutex.h"\n', "concurrency"),
    ("a pure room takes chance", "scheduler/plan/a.cc", "#  include <random>\n", "chance"),
    ("a pure room takes a clock", "scheduler/base/a.h", "#include <chrono>\n", "a clock"),
    ("a pure room reads files", "agent/core/a.cc", "#include <fstream>\n", "I/O"),
    ("a pure room asks the time", "scheduler/core/a.cc",
     "int x;\nauto t = absl::Now();\n", ":2: scheduler/core must not use absl::Now"),
    ("a pure room asks the C library's time", "scheduler/core/a.cc",
     "auto t = time(nullptr);\n", "must not use time"),
    ("a pure room loads a time zone", "scheduler/curve/a.cc",
     'absl::LoadTimeZone("UTC", &z);\n', "zones come in as"),
    ("a pure room reads the environment", "scheduler/core/a.cc",
     'auto* e = std::getenv("X");\n', "must not use getenv"),
    ("a pure room logs", "scheduler/core/a.cc", 'os::LogInfo("x");\n', "do not log"),
    ("an arrow turns: plan sees core", "scheduler/plan/a.cc",
     '#include "scheduler/core/machine.h"\n', "scheduler/plan must not include scheduler/core"),
    ("an arrow turns: base sees os", "scheduler/base/a.cc",
     '#include "scheduler/os/log.h"\n', "scheduler/base must not include scheduler/os"),
    ("the agent sees the scheduler's core", "agent/link/a.cc",
     '#include "scheduler/core/machine.h"\n', "agent/link must not include scheduler/core"),
    ("the command sees the store", "scheduler/cli/a.cc",
     '#include "scheduler/store/store.h"\n', "scheduler/cli must not include scheduler/store"),
    ("someone includes the daemon", "scheduler/rpc/a.cc",
     '#include "scheduler/daemon/daemon.h"\n', "scheduler/rpc must not include scheduler/daemon"),
    ("the shim takes gRPC", "agent/shim/a.cc", "#include <grpcpp/channel.h>\n", "gRPC"),
    ("production includes a test's file", "scheduler/store/sqlite/a.cc",
     '#include "tests/support/fake.h"\n', "must not include tests/support/fake.h"),
    ("a room that nobody knows", "scheduler/util/a.h", "int x;\n", "no row of the table"),
    ("an include of such a room", "scheduler/core/a.cc",
     '#include "scheduler/util/a.h"\n', "no room of the table"),
]

# (what it shows, file, content): nothing to complain about.
INNOCENT = [
    ("a lower room", "scheduler/plan/a.cc", '#include "scheduler/curve/curve.h"\n'),
    ("its own room", "scheduler/store/sqlite/a.cc", '#include "scheduler/store/store.h"\n'),
    ("a shell room takes what it likes", "scheduler/rpc/a.cc",
     "#include <grpcpp/grpcpp.h>\n#include <thread>\nauto t = absl::Now();\n"),
    ("a banned call in a comment or a text", "scheduler/core/a.cc",
     '// Never absl::Now() here.\n/* getenv("X")\n time(nullptr) */\nauto s = "absl::Now()";\n'),
    ("names that only look like calls", "scheduler/core/a.cc",
     "auto t = task.time(); auto u = start_time(x); Uptime(); order->random();\n"),
    ("the wrapper of the mutex", "scheduler/base/mutex.h", "#include <mutex>\n"),
]


class CheckTest(unittest.TestCase):
    def violations(self, path, content):
        with tempfile.TemporaryDirectory() as root:
            file = pathlib.Path(root) / path
            file.parent.mkdir(parents=True)
            file.write_text(content)
            return check.check_tree(root)[0]

    def test_finds_what_is_planted(self):
        for what, path, content, complaint in PLANTED:
            with self.subTest(what):
                found = self.violations(path, content)
                self.assertEqual(len(found), 1, found)
                self.assertTrue(found[0].startswith(path + ":"), found)
                self.assertIn(complaint, found[0])

    def test_accepts_what_is_right(self):
        for what, path, content in INNOCENT:
            with self.subTest(what):
                self.assertEqual(self.violations(path, content), [])

    def test_the_program_fails_for_a_violation_and_for_nothing_to_check(self):
        with tempfile.TemporaryDirectory() as root:
            run = lambda: subprocess.run([sys.executable, HERE / "check.py", root],
                                         capture_output=True, text=True, check=False)
            self.assertEqual(run().returncode, 1)
            core = pathlib.Path(root) / "scheduler" / "core"
            core.mkdir(parents=True)
            (core / "a.cc").write_text('#include "absl/time/time.h"\n')
            self.assertEqual(run().returncode, 0)
            (core / "a.cc").write_text("#include <grpcpp/grpcpp.h>\n")
            failed = run()
            self.assertEqual(failed.returncode, 1)
            self.assertIn("scheduler/core/a.cc:1:", failed.stdout)

    def test_the_table_is_closed_and_has_no_circles(self):
        for room, seen in check.MAY_INCLUDE.items():
            self.assertLessEqual(seen, set(check.MAY_INCLUDE), room)
        done = []
        while len(done) < len(check.MAY_INCLUDE):
            ready = [room for room, seen in check.MAY_INCLUDE.items()
                     if room not in done and seen <= set(done)]
            self.assertTrue(ready, "the rooms that are left include each other")
            done += ready


if __name__ == "__main__":
    unittest.main()
