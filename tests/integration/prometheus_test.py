"""History out of a real Prometheus server."""

import json
import math
import os
import re
import signal
import subprocess
import time as clock
import unittest

import fleet
from fleet import FleetTest, until

STEP = 300
DAYS = 10


def load_at(time):
    """A day's wave of cores in use, of 640."""
    return 320 + 200 * math.sin(2 * math.pi * time / 86400)


class Prometheus:
    """A server on a port that it chooses, over samples that promtool has put into its store."""

    def __init__(self, root, newest):
        self.root = os.path.join(root, "prometheus")
        os.makedirs(self.root)
        metrics = os.path.join(self.root, "metrics")
        with open(metrics, "w", encoding="ascii") as file:
            file.write("# TYPE cores_used gauge\n")
            for time in range(newest - DAYS * 86400, newest + 1, STEP):
                for host, share in (("a", 0.25), ("b", 0.75)):
                    file.write(f'cores_used{{host="{host}"}} {share * load_at(time):.6f} {time}\n')
            file.write("# EOF\n")
        store = os.path.join(self.root, "data")
        subprocess.run(["promtool", "tsdb", "create-blocks-from", "openmetrics", metrics, store],
                       check=True, stdout=subprocess.DEVNULL)
        config = os.path.join(self.root, "prometheus.yml")
        with open(config, "w", encoding="ascii"):
            pass
        self.log = os.path.join(self.root, "log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={config}", f"--storage.tsdb.path={store}",
                 "--storage.tsdb.retention.time=1y", "--web.listen-address=127.0.0.1:0"],
                stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.root)
        self.port = until(self.find_port, "prometheus to listen")

    def find_port(self):
        with open(self.log, encoding="utf-8") as log:
            text = log.read()
        found = re.search(r'msg="Listening on" address=127\.0\.0\.1:(\d+)', text)
        return found and "Server is ready" in text and found.group(1)

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(fleet.DEADLINE)


class PrometheusTest(FleetTest):
    def setUp(self):
        super().setUp()
        # The history ends a while ago, so that nothing depends on how long the test takes.
        self.newest = int(clock.time()) // STEP * STEP - 86400
        self.prometheus = Prometheus(self.root, self.newest)
        self.addCleanup(self.prometheus.stop)
        self.scheduler()

    def run_import(self, *arguments, expect=0):
        result = subprocess.run(
            [os.path.join(fleet.BIN, "heliotrope"), "curve", "import", "frankfurt-1",
             "--prometheus", f"http://127.0.0.1:{self.prometheus.port}", "--since", "20d",
             "--address", self.sched.address, "--json", *arguments],
            capture_output=True, text=True, timeout=fleet.DEADLINE, check=False)
        self.assertEqual(result.returncode, expect, result.stderr)
        return result

    def test_a_range_query_is_learned(self):
        answer = json.loads(self.run_import("--query", "sum(cores_used)", "--peak", "640").stdout)
        # Prometheus repeats the newest sample for five minutes more.
        self.assertAlmostEqual(int(answer["bins_learned"]), DAYS * 288, delta=3)
        curve = self.curves.GetCurve(fleet.curves_pb2.GetCurveRequest(
            name="dataCenters/frankfurt-1", history={"seconds": 8 * 86400},
            horizon={"seconds": 86400}), timeout=fleet.DEADLINE)
        history = {sample.time.seconds: sample.load for sample in curve.history}
        at = self.newest - 3600
        self.assertAlmostEqual(history[at], load_at(at) / 640, delta=0.01)

    def test_what_is_not_one_series_is_refused(self):
        two = self.run_import("--query", "cores_used", expect=1)
        self.assertIn("the query gives 2 series and a curve is one", two.stderr)
        none = self.run_import("--query", "sum(nothing)", expect=1)
        self.assertIn("the query gives no series from ", none.stderr)
        wrong = self.run_import("--query", "sum(cores_used", expect=1)
        self.assertIn("bad_data", wrong.stderr)


if __name__ == "__main__":
    unittest.main()
