"""The unit files: systemd accepts them, they stay hardened, and they keep what design.md asks."""

import configparser
import os
import pathlib
import re
import shutil
import subprocess
import tempfile
import unittest

UNITS = pathlib.Path(os.environ["HT_SOURCE_DIR"]) / "deploy" / "systemd"


def run(*command):
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=120, check=False)


def read_unit(name):
    """The directives as {section: {key: last value}}; enough for what is asked of them here."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, comment_prefixes="#")
    parser.optionxform = str
    parser.read(UNITS / name)
    return {section: dict(parser[section]) for section in parser.sections()}


class UnitsTest(unittest.TestCase):
    def test_systemd_accepts_them(self):
        """Wants programs that exist, so the copies start programs that do, of the same names."""
        with tempfile.TemporaryDirectory() as folder:
            copies = []
            for unit in sorted(UNITS.glob("*.service")):
                program = pathlib.Path(folder) / unit.stem
                shutil.copy("/bin/true", program)
                copy = pathlib.Path(folder) / unit.name
                copy.write_text(unit.read_text().replace(f"/usr/bin/{unit.stem}", str(program)))
                self.assertIn(str(program), copy.read_text(), "it starts the program of its name")
                copies.append(str(copy))
            self.assertEqual(len(copies), 2)
            result = run("systemd-analyze", "verify", *copies)
            complaints = [line for line in result.stdout.splitlines() if folder in line
                          or "heliotrope" in line]
            self.assertEqual((result.returncode, complaints), (0, []), result.stdout)

    def test_they_are_hardened(self):
        for name, threshold in (("heliotrope-scheduler", 20), ("heliotrope-agent", 30)):
            with self.subTest(name):
                result = run("systemd-analyze", "security", "--offline=true", "--no-pager",
                             f"--threshold={threshold}", str(UNITS / f"{name}.service"))
                self.assertEqual(result.returncode, 0, result.stdout[-400:])
                self.assertRegex(result.stdout, "Overall exposure level")

    def test_users_are_made(self):
        result = run("systemd-sysusers", "--dry-run", str(UNITS / "heliotrope.sysusers.conf"))
        self.assertEqual(result.returncode, 0, result.stdout)
        users = re.findall(r"^u\s+(\S+)", (UNITS / "heliotrope.sysusers.conf").read_text(), re.M)
        self.assertIn(read_unit("heliotrope-scheduler.service")["Service"]["User"], users)
        self.assertIn("heliotrope-task", users)

    def test_promises_that_rest_on_a_directive(self):
        for name, section, key, value in (
                ("scheduler", "Service", "Type", "notify"),
                ("scheduler", "Service", "StateDirectory", "heliotrope/scheduler"),
                ("scheduler", "Service", "ExecReload", "/bin/kill -HUP $MAINPID"),
                ("agent", "Service", "Type", "notify"),
                ("agent", "Service", "StateDirectory", "heliotrope/agent"),
                ("agent", "Service", "ExecReload", "/bin/kill -HUP $MAINPID"),
                # Promise 11: attempts outlive the agent.
                ("agent", "Service", "KillMode", "process"),
                ("agent", "Service", "Delegate", "yes"),
                ("agent", "Service", "Restart", "always"),
                ("agent", "Unit", "StartLimitIntervalSec", "0"),
                ("scheduler", "Unit", "StartLimitIntervalSec", "0"),
                # ProtectSystem=strict would take them from the tasks.
                ("agent", "Service", "ReadWritePaths", "/tmp /var/tmp"),
        ):
            with self.subTest(f"{name} {key}"):
                self.assertEqual(read_unit(f"heliotrope-{name}.service")[section][key], value)
        for name in ("scheduler", "agent"):
            self.assertIn("WatchdogSec", read_unit(f"heliotrope-{name}.service")["Service"])
        # A private /tmp is removed at the agent's stop, under the feet of tasks that go on.
        self.assertNotIn("PrivateTmp", read_unit("heliotrope-agent.service")["Service"])


if __name__ == "__main__":
    unittest.main()
