"""deploy/install-dependencies, with other programs in the places of apt, dpkg and systemctl."""

import os
import pathlib
import subprocess
import tempfile
import unittest

SCRIPT = pathlib.Path(os.environ["HT_SOURCE_DIR"]) / "deploy" / "install-dependencies"


class InstallDependenciesTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = pathlib.Path(folder.name)
        self.calls = self.folder / "calls"
        self.calls.touch()
        self.put("id", "echo 0")
        self.put("apt-get", f'echo "apt-get $1" >> {self.calls}')
        self.put("systemctl", f'echo "systemctl $*" >> {self.calls}')
        self.put("dpkg-query", "exit 1")

    def put(self, name, script):
        path = self.folder / name
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)

    def run_for(self, group):
        result = subprocess.run([SCRIPT, group], capture_output=True, text=True, timeout=60,
                                env={"PATH": f"{self.folder}:/usr/bin:/bin"}, check=False)
        return result.returncode, self.calls.read_text().splitlines()

    def test_prometheus_never_becomes_a_service(self):
        around = (["systemctl mask prometheus", "apt-get update"],
                  ["systemctl unmask prometheus", "systemctl disable prometheus"])
        self.assertEqual(self.run_for("test"), (0, [*around[0], "apt-get install", *around[1]]))
        self.calls.write_text("")
        self.put("apt-get", f'echo "apt-get $1" >> {self.calls}; exit 1')
        self.assertEqual(self.run_for("test"), (1, [*around[0], *around[1]]))

    def test_without_systemd_it_installs_all_the_same(self):
        self.put("systemctl", "exit 1")
        self.assertEqual(self.run_for("test"), (0, ["apt-get update", "apt-get install"]))

    def test_what_is_there_is_left_alone(self):
        self.put("dpkg-query", "echo install ok installed")
        self.assertEqual(self.run_for("test"), (0, []))


if __name__ == "__main__":
    unittest.main()
