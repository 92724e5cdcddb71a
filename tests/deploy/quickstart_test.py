"""The quickstart itself: a whole run in fast motion, and that it leaves nothing behind."""

import os
import pathlib
import signal
import subprocess
import sys
import tempfile
import time
import unittest

SOURCE_DIR = pathlib.Path(os.environ["HT_SOURCE_DIR"])
BUILD_DIR = pathlib.Path(os.environ["HT_BIN_DIR"]).parent
DAY_SECONDS = os.environ.get("HT_QUICKSTART_DAY_SECONDS", "60")


def processes_that_mention(text):
    """Command lines of all living processes that hold the text."""
    found = []
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit() and int(entry.name) != os.getpid():
            try:
                line = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode()
            except OSError:
                continue
            if text in line:
                found.append(line)
    return found


class QuickstartTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory(prefix="heliotrope-test-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        os.chmod(self.folder, 0o711)  # Tasks run as another user and pass through it.

    def start(self, *arguments):
        return subprocess.Popen(
            [sys.executable, "-B", SOURCE_DIR / "deploy" / "fleet" / "quickstart.py",
             "--build-dir", BUILD_DIR, *arguments],
            env={**os.environ, "TMPDIR": self.folder}, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, start_new_session=True)

    def check_nothing_is_left(self):
        self.assertEqual(processes_that_mention(self.folder), [])
        self.assertEqual(os.listdir(self.folder), [])

    def wait_for_notes(self, quickstart):
        """Until jobs have really started."""
        deadline = time.monotonic() + 60
        while not list(pathlib.Path(self.folder).glob("*/notes/*.jsonl")):
            self.assertIsNone(quickstart.poll())
            self.assertLess(time.monotonic(), deadline)
            time.sleep(0.1)

    def test_two_days_and_a_verdict(self):
        quickstart = self.start("--day-seconds", DAY_SECONDS)
        said, _ = quickstart.communicate()
        print(said)
        self.assertEqual(quickstart.returncode, 0, "see above")
        for line in ("ok      finished", "ok      residency", "ok      foreground",
                     "ok      around the world"):
            self.assertIn(line, said)
        self.check_nothing_is_left()

    def test_ctrl_c_leaves_nothing_behind(self):
        quickstart = self.start()
        self.wait_for_notes(quickstart)
        quickstart.send_signal(signal.SIGINT)
        said, _ = quickstart.communicate(timeout=60)
        self.assertEqual(quickstart.returncode, 130, said)
        self.check_nothing_is_left()

    def test_daemons_that_are_killed_and_started_again_by_hand_lose_nothing(self):
        """Promises 1, 3 and 11, seen from the jobs: the verdict holds all the same."""
        quickstart = self.start("--day-seconds", DAY_SECONDS)
        said = []
        for line in quickstart.stdout:
            said.append(line)
            if "submitted jobs/sweep" in line:
                self.wait_for_notes(quickstart)
                for name in ("scheduler", "agent-hangzhou"):
                    os.kill(self.pid_of(name), signal.SIGKILL)
            if " start it again with:  " in line:
                command = line.partition(" start it again with:  ")[2].removesuffix(" &\n")
                subprocess.Popen(command.split(), stdin=subprocess.DEVNULL,
                                 stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        print("".join(said))
        self.assertEqual(sum(" start it again with:  " in line for line in said), 2)
        self.assertEqual(quickstart.wait(), 0, "see above")
        self.check_nothing_is_left()

    def pid_of(self, name):
        """The daemon that runs with this configuration of the quickstart."""
        for entry in pathlib.Path("/proc").iterdir():
            try:
                words = (entry / "cmdline").read_bytes().decode().split("\0")
            except OSError:
                continue
            if len(words) > 2 and words[2].startswith(self.folder) and words[2].endswith(
                    f"/{name}.yaml"):
                return int(entry.name)
        self.fail(f"{name} does not run")

    def test_wrong_arguments_are_told_before_anything_happens(self):
        for arguments in (["--days", "0"], ["--day-seconds", "x"], ["--dayseconds", "3"]):
            with self.subTest(arguments):
                quickstart = self.start(*arguments)
                said, _ = quickstart.communicate(timeout=60)
                self.assertEqual(quickstart.returncode, 2, said)
                self.check_nothing_is_left()


if __name__ == "__main__":
    unittest.main()
