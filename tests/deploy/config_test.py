"""The example configurations: the daemons accept them, and name what is wrong in a broken copy."""

import os
import pathlib
import subprocess
import tempfile
import unittest

CONFIG = pathlib.Path(os.environ["HT_SOURCE_DIR"]) / "deploy" / "config"
BIN = pathlib.Path(os.environ["HT_BIN_DIR"])


def check(daemon, path):
    return subprocess.run([BIN / f"heliotrope-{daemon}", "--config", path, "--check-config"],
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=60,
                          check=False)


class ConfigTest(unittest.TestCase):
    def check_edited(self, daemon, old, new):
        text = (CONFIG / f"{daemon}.yaml").read_text()
        self.assertIn(old, text)
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / f"{daemon}.yaml"
            path.write_text(text.replace(old, new, 1))
            return check(daemon, path), path

    def test_the_daemons_accept_them(self):
        for daemon in ("scheduler", "agent"):
            with self.subTest(daemon):
                result = check(daemon, CONFIG / f"{daemon}.yaml")
                self.assertEqual(result.returncode, 0, result.stdout)

    def test_a_wrong_key_is_named_with_file_line_and_the_nearest_one(self):
        for daemon, old, new, nearest in (
                ("scheduler", "lease_duration:", "lease_durration:", "lease_duration"),
                ("scheduler", "    time_zone: Asia/Dubai", "    timezone: Asia/Dubai", "time_zone"),
                ("agent", "jurisdiction: DE", "juristiction: DE", "jurisdiction"),
                ("agent", "  leave_after: 10m", "  leave_afer: 10m", "leave_after")):
            with self.subTest(new):
                result, path = self.check_edited(daemon, old, new)
                text = (CONFIG / f"{daemon}.yaml").read_text().splitlines()
                line = next(number for number, words in enumerate(text, 1)
                            if words.startswith(old))
                self.assertNotEqual(result.returncode, 0)
                self.assertIn(f"{path}:{line}", result.stdout)
                self.assertIn(f'did you mean "{nearest}"', result.stdout)

    def test_wrong_values_are_refused(self):
        for daemon, old, new in (
                ("scheduler", "time_zone: Asia/Dubai", "time_zone: Asia/Dubay"),
                ("scheduler", "lease_duration: 60s", "lease_duration: 60"),
                ("scheduler", "listen: 127.0.0.1:7400", "listen: 0.0.0.0:7400"),
                ("agent", "listen: 127.0.0.1:7410", "listen: 0.0.0.0:7410"),
                ("agent", "jurisdiction: DE", "jurisdiction: Germany!")):
            with self.subTest(new):
                result, _ = self.check_edited(daemon, old, new)
                self.assertNotEqual(result.returncode, 0, result.stdout)


if __name__ == "__main__":
    unittest.main()
