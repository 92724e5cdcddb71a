"""Starts the daemons, runs each benchmark, prints the figures and the ratios that matter."""

import os
import re
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "integration"))

import fleet  # noqa: E402


class Bench(fleet.FleetTest):
    def measure(self, *arguments):
        done = subprocess.run([os.path.join(fleet.BIN, "heliotrope-bench"), *map(str, arguments)],
                              capture_output=True, timeout=600)
        if done.returncode != 0:
            raise AssertionError(done.stderr.decode())
        text = done.stdout.decode()
        print(text, end="", flush=True)
        return [float(number) for number in re.findall(r"\s([0-9.]+) \S+$", text, re.MULTILINE)]

    def fresh(self, agent):
        self.setUp()
        self.scheduler(lease="60s")
        if agent:
            self.agent("f1", "frankfurt-1", cores=32)
        return self.sched.address

    def runTest(self):
        spawn = self.measure("spawn", 4000, 2)[0]
        trivial = self.measure("trivial", self.fresh(True), 4000)[0]
        latency = self.measure("latency", self.fresh(True), 200)
        single = self.measure("submit", self.fresh(False))[0]
        bulk = self.measure("bulk", self.fresh(False))[0]
        print(f"trivial tasks / fork+exec+wait  {trivial / spawn:.2f}   (at least 0.25)")
        print(f"dispatch latency p99            {latency[1]:.1f} ms (at most 50)")
        print(f"bulk submissions                {bulk:.0f} /s  (at least 10000)")
        print(f"single submissions              {single:.0f} /s")


if __name__ == "__main__":
    fleet.unittest.main(argv=["run.py", "Bench"])
