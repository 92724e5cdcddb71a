"""What goes wrong, and how it is mended again.

A fault is a context: entering it breaks something, leaving it mends that. Which, where and for how
long comes from the seed alone; what the daemons make of it does not.
"""

import contextlib
import os
import random
import signal
import subprocess
import time

import fleet
from world import LEASE_SECONDS, REGIONS, SPEED

# The lease's argument (scheduler/design/0003-leases.md) needs a shim that is scheduled within the
# kill margin (1 s) and the scheduler's margin (1 s) of its alarm: more is outside what is promised.
SHIM_PAUSE_SECONDS = 0.7
# Leases are counted by a clock that a restart may find set back; it stands until it has caught up.
CLOCK_STEPS = (-8 * SPEED, 20 * SPEED, 3600 * SPEED)


class Faults:
    """Of each kind: what it holds, so that nothing is broken twice, how it breaks, and how long at
    most."""

    def __init__(self, world):
        self._world = world
        self.kinds = {
            "scheduler killed": (self._scheduler, self._killed, 1.5 * LEASE_SECONDS),
            "scheduler paused": (self._scheduler, self._paused, 1.5 * LEASE_SECONDS),
            "agent killed": (self._agent, self._killed, 2 * LEASE_SECONDS),
            "agent paused": (self._agent, self._paused, 2 * LEASE_SECONDS),
            "shim killed": (self._shim, self._shim_killed, 0),
            "shim paused": (self._shim, self._shim_paused, SHIM_PAUSE_SECONDS),
            "link down": (self._wire, self._link_down, 2 * LEASE_SECONDS),
            "nothing goes out": (self._place, self._way("out"), 2 * LEASE_SECONDS),
            "nothing comes in": (self._place, self._way("in"), 2 * LEASE_SECONDS),
            "connections reset": (self._nobody, self._reset, 0),
            "scheduler's disk full": (self._scheduler_disk, self._full, LEASE_SECONDS),
            "agent's disk full": (self._agent_disk, self._full, LEASE_SECONDS),
            "database read-only": (self._scheduler_disk, self._read_only, LEASE_SECONDS),
            "clock stepped": (self._scheduler, self._clock_stepped, 1),
        }
        self.counts = dict.fromkeys(self.kinds, 0)

    # --- Whom ---

    def _scheduler(self, rng):
        return "scheduler", self._world.scheduler

    def _agent(self, rng):
        node = rng.choice(sorted(self._world.agents))
        return node, self._world.agents[node]

    def _shim(self, rng):
        return "shims", rng

    def _wire(self, rng):
        name = rng.choice(("scheduler", *REGIONS))
        return f"wire {name}", self._world.places[name]

    def _place(self, rng):
        name = rng.choice(("scheduler", *REGIONS))
        return f"ways {name}", name

    def _nobody(self, rng):
        return "connections", None

    def _scheduler_disk(self, rng):
        return "scheduler's disk", self._world.scheduler

    def _agent_disk(self, rng):
        node = rng.choice(sorted(self._world.agents))
        return f"disk {node}", self._world.agents[node]

    # --- What: each yields once while it is broken ---

    def _killed(self, daemon):
        daemon.kill()
        yield
        daemon.start()

    def _paused(self, daemon):
        daemon.signal(signal.SIGSTOP)
        yield
        daemon.signal(signal.SIGCONT)

    def _shim_killed(self, rng):
        shims = self._world.shims()
        for pid in rng.sample(shims, min(len(shims), 2)):
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        yield

    def _shim_paused(self, rng):
        shims = self._world.shims()
        paused = rng.sample(shims, min(len(shims), 3))
        for pid in paused:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGSTOP)
        yield
        for pid in paused:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGCONT)

    def _link_down(self, place):
        place.link("down")
        yield
        place.link("up")

    def _way(self, way):
        def cut(name):
            self._world.ways[name][way].cut()
            yield
            self._world.ways[name][way].heal()
        return cut

    def _reset(self, _):
        self._world.proxies.reset()
        yield

    def _full(self, daemon):
        daemon.disk.fill()
        yield
        daemon.disk.free()

    def _read_only(self, daemon):
        # Root is not held up by modes; an immutable file refuses also who has it open already.
        # Not the index of the log: that is shared memory, which a read-only disk leaves writable.
        files = [path for path in (self._world.database + end for end in ("", "-wal"))
                 if os.path.exists(path)]
        subprocess.run(["chattr", "+i", *files], check=True)
        yield
        subprocess.run(["chattr", "-i", *files], check=True)

    def _clock_stepped(self, daemon):
        daemon.kill()
        self._world.clock_step += CLOCK_STEPS[self.counts["clock stepped"] % len(CLOCK_STEPS)]
        self._world.configure_scheduler()
        yield
        daemon.start()


class Storm:
    """Breaks and mends, at most a few things at once, until told to stop; then all is mended."""

    def __init__(self, world, seed, at_once, pause):
        self.faults = Faults(world)
        self._rng = random.Random(f"{seed} faults")
        self._at_once = at_once
        self._pause = pause
        self._world = world
        self._broken = {}  # What is held: (when it is mended, the generator, in words).
        self.history = []

    def _note(self, text):
        self.history.append(f"{time.clock_gettime(time.CLOCK_BOOTTIME):.3f} {text}")

    def _break(self, kind, longest=None):
        whom, how, most = self.faults.kinds[kind]
        held, target = whom(self._rng)
        lasts = self._rng.uniform(0, most if longest is None else min(most, longest))
        if held in self._broken:
            return False
        fault = how(target)
        next(fault)
        self.faults.counts[kind] += 1
        self._note(f"{kind}: {held} for {lasts:.2f} s")
        self._broken[held] = (time.monotonic() + lasts, fault, f"{kind}: {held}")
        return True

    def _mend(self, held):
        _, fault, text = self._broken.pop(held)
        with contextlib.suppress(StopIteration):
            next(fault)
        self._note(f"mended: {text}")

    def _look(self):
        for held in [h for h, (until, _, _) in self._broken.items() if until <= time.monotonic()]:
            self._mend(held)
        for daemon in self._world.daemons:
            daemon.look()

    def _wait(self, seconds):
        end = time.monotonic() + seconds
        while True:
            self._look()
            if time.monotonic() >= end:
                return
            time.sleep(0.05)

    def rage(self, seconds):
        """Faults of all kinds, drawn anew each time."""
        end = time.monotonic() + seconds
        kinds = sorted(self.faults.kinds)
        while time.monotonic() < end:
            if len(self._broken) < self._at_once:
                self._break(self._rng.choice(kinds))
            self._wait(self._rng.uniform(0, self._pause))
        self.calm()

    def once_each(self, longest):
        """One fault of each kind, in an order of the seed, none longer than `longest` seconds."""
        kinds = sorted(self.faults.kinds)
        self._rng.shuffle(kinds)
        for kind in kinds:
            while not self._break(kind, longest):
                self._wait(0.1)
            self._wait(self._rng.uniform(0, self._pause))
        self.calm()

    def calm(self):
        for held in list(self._broken):
            self._mend(held)

    def until(self, condition, what, deadline):
        """Waits for the condition, and still starts again what ends by itself."""

        def look():
            self._look()
            return condition()

        return fleet.until(look, what, deadline)
