"""Alerts and dashboards: Prometheus's own tool accepts them, and they ask for metrics that there are."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

SOURCE = pathlib.Path(os.environ["HT_SOURCE_DIR"])
RULES = SOURCE / "deploy" / "prometheus" / "heliotrope.rules.yaml"
DASHBOARDS = SOURCE / "deploy" / "grafana"
METRIC = re.compile(r"\bheliotrope_[a-z_]+")


def promtool(*arguments, folder=None):
    return subprocess.run(["promtool", *map(str, arguments)], cwd=folder, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, timeout=60, check=False)


def metrics_of_the_programs():
    """Every name that stands in a string of the daemons' sources."""
    names = set()
    for folder in ("scheduler", "agent"):
        for file in (SOURCE / folder).rglob("*.cc"):
            names.update(re.findall(r'"(heliotrope_[a-z_]+)"', file.read_text()))
    return names


def queries(dashboard):
    """(panel, expression) of each target, with the variables filled in."""
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            yield panel["title"], target["expr"].replace("$instance", ".*")


class MonitoringTest(unittest.TestCase):
    def setUp(self):
        self.assertIsNotNone(shutil.which("promtool"), "promtool is in the test packages")

    def test_the_rules_are_sound(self):
        checked = promtool("check", "rules", RULES)
        self.assertEqual(checked.returncode, 0, checked.stdout)

    def test_the_alerts_fire_when_they_should(self):
        with tempfile.TemporaryDirectory() as folder:
            shutil.copy(RULES, folder)
            shutil.copy(SOURCE / "tests" / "deploy" / "heliotrope.rules.test.yaml", folder)
            played = promtool("test", "rules", "heliotrope.rules.test.yaml", folder=folder)
        self.assertEqual(played.returncode, 0, played.stdout)

    def test_the_rules_ask_for_metrics_that_there_are(self):
        asked = set()
        for line in RULES.read_text().splitlines():
            if line.strip().startswith("expr:"):
                asked.update(METRIC.findall(line))
        self.assertTrue(asked)
        self.assertLessEqual(asked, metrics_of_the_programs())

    def test_each_query_of_the_dashboards_can_be_asked(self):
        known = metrics_of_the_programs()
        for file in sorted(DASHBOARDS.glob("*.json")):
            rules = []
            for title, expression in queries(json.loads(file.read_text())):
                asked = set(METRIC.findall(expression))
                self.assertTrue(asked, f"{file.name}, {title}")
                self.assertLessEqual(asked, known, f"{file.name}, {title}")
                rules.append({"record": f"query:{len(rules)}", "expr": expression})
            self.assertTrue(rules, file.name)
            with tempfile.TemporaryDirectory() as folder:
                # JSON is YAML too.
                path = pathlib.Path(folder) / "queries.yaml"
                path.write_text(json.dumps({"groups": [{"name": "q", "rules": rules}]}))
                checked = promtool("check", "rules", path)
            self.assertEqual(checked.returncode, 0, f"{file.name}: {checked.stdout}")


if __name__ == "__main__":
    unittest.main()
