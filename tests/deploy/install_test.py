"""`cmake --install` puts every file where the units and the shells look for it."""

import os
import pathlib
import re
import subprocess
import tempfile
import unittest

BUILD = pathlib.Path(os.environ["HT_BIN_DIR"]).parent


class InstallTest(unittest.TestCase):
    def test_what_the_units_start_is_there(self):
        with tempfile.TemporaryDirectory() as folder:
            # With /usr as its prefix, as the README has it, but below a directory of ours.
            result = subprocess.run(["cmake", "--install", BUILD, "--prefix", "/usr"],
                                    env={**os.environ, "DESTDIR": folder}, capture_output=True,
                                    text=True, timeout=100, check=False)
            self.assertEqual(result.returncode, 0, result.stderr)
            root = pathlib.Path(folder)
            files = sorted(str(path.relative_to(root)) for path in root.rglob("*")
                           if path.is_file())
            self.assertEqual(files, [
                "usr/bin/heliotrope", "usr/bin/heliotrope-agent", "usr/bin/heliotrope-scheduler",
                "usr/bin/heliotrope-shim", "usr/lib/systemd/system/heliotrope-agent.service",
                "usr/lib/systemd/system/heliotrope-scheduler.service",
                "usr/lib/sysusers.d/heliotrope.conf",
                "usr/share/bash-completion/completions/heliotrope",
                "usr/share/doc/heliotrope/examples/agent.yaml",
                "usr/share/doc/heliotrope/examples/deadlines.json",
                "usr/share/doc/heliotrope/examples/heliotrope.rules.yaml",
                "usr/share/doc/heliotrope/examples/scheduler.yaml",
                "usr/share/zsh/vendor-completions/_heliotrope"])
            for unit in (root / "usr/lib/systemd/system").iterdir():
                program = re.search(r"^ExecStart=/(\S+)", unit.read_text(), re.M).group(1)
                self.assertTrue(os.access(root / program, os.X_OK), program)


if __name__ == "__main__":
    unittest.main()
