"""Calls the `heliotrope` command, as any user would."""

import json
import subprocess


class CommandFailed(Exception):
    """The command's own words."""


class Client:
    def __init__(self, program, address):
        self.program = str(program)
        self.address = address

    def command(self, *arguments):
        return [self.program, "--address", self.address, *map(str, arguments)]

    def run(self, *arguments, timeout=30):
        """What the command prints."""
        try:
            result = subprocess.run(self.command(*arguments), stdin=subprocess.DEVNULL,
                                    capture_output=True, timeout=timeout, check=False)
        except subprocess.TimeoutExpired as error:
            raise CommandFailed(f"{' '.join(arguments[:2])}: no answer in {timeout} s") from error
        except OSError as error:
            raise CommandFailed(f"cannot start {self.program}: {error}") from error
        if result.returncode != 0:
            said = result.stderr.decode(errors="replace").strip()
            raise CommandFailed(f"{' '.join(map(str, arguments[:2]))}: {said}")
        return result.stdout.decode()

    def ask(self, *arguments):
        """The command's answer as JSON."""
        return json.loads(self.run(*arguments, "--json"))

    def follow(self, *arguments):
        """A process whose standard output has one JSON object a line."""
        return subprocess.Popen(self.command(*arguments, "--json"), stdin=subprocess.DEVNULL,
                                stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
