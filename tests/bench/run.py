"""Starts the daemons, runs each benchmark, prints the figures and the ratios that matter."""

import os
import re
import statistics
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
        self.doCleanups()
        self.setUp()
        self.scheduler(lease="60s")
        if agent:
            self.agent("f1", "frankfurt-1", cores=32)
        return self.sched.address

    def runTest(self):
        # Alternating, since machines have moods; in one fleet, since ext4 is slow at making new
        # files for minutes after many were deleted.
        address = self.fresh(True)
        self.measure("trivial", address, 500)
        ratios = []
        for _ in range(5):
            spawn = self.measure("spawn", 2000, 2)[0]
            trivial = self.measure("trivial", address, 2000)[0]
            ratios.append(trivial / spawn)
        latency = self.measure("latency", self.fresh(True), 200)
        single = self.measure("submit", self.fresh(False))[0]
        bulk = self.measure("bulk", self.fresh(False))[0]
        print(f"trivial tasks / fork+exec+wait  {statistics.median(ratios):.2f}   (at least 0.25; "
              f"{min(ratios):.2f} to {max(ratios):.2f})")
        print(f"dispatch latency p99            {latency[1]:.1f} ms (at most 50)")
        print(f"bulk submissions                {bulk:.0f} /s  (at least 10000)")
        print(f"single submissions              {single:.0f} /s")


if __name__ == "__main__":
    fleet.unittest.main(argv=["run.py", "Bench"])
