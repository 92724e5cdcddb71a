"""The world under fire: places in their own network and mount namespaces, links between them, small
disks, and the daemons on them.

All of it lives in namespaces of this process's own (`fire.py` starts itself again under `unshare`),
so that nothing is left when that ends, however it ends.

    scheduler ── veth ── hub ── veth ── asia, emea, americas (each: the agents of its data centers)

Between places everything goes through the proxies of the hub, which delay and can drop one way.
Each agent is known by an address of the hub's, as behind a load balancer.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(os.path.dirname(HERE), "integration"))

import grpc  # noqa: E402

import fleet  # noqa: E402
from fleet import BIN, DATA_CENTERS, Daemon  # noqa: E402
from proxy import Proxies  # noqa: E402

LEASE_SECONDS = 6
SCHEDULER_PORT, AGENT_PORT = 7400, 7410
# An agent leaves 64 MiB of its disk to others.
DISK_MIB = 128
# Scheduling time runs so much faster: what the scheduler waits for is soon over.
SPEED = 10
RESTART_SECONDS = 0.5
# node: data center
NODES = {"hz1": "hangzhou", "f1": "frankfurt-1", "f2": "frankfurt-2", "v1": "virginia"}
REGIONS = ("asia", "emea", "americas")


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip() or done.returncode}")
    return done.stdout


class Place:
    """A network namespace with one wire to the hub, held by a process that sleeps."""

    def __init__(self, name, number):
        self.name = name
        self.host = f"10.77.{number}.2"
        self.hub = f"10.77.{number}.1"
        self.wire = f"w{number}"
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        fleet.until(lambda: os.readlink(f"/proc/{self.holder.pid}/ns/net") !=
                    os.readlink("/proc/self/ns/net"), "the namespace is made")
        run("ip", "link", "add", self.wire, "type", "veth", "peer", "name", "up0", "netns",
            str(self.holder.pid))
        run("ip", "addr", "add", f"{self.hub}/24", "dev", self.wire)
        run("ip", "link", "set", self.wire, "up")
        for command in (f"addr add {self.host}/24 dev up0", "link set up0 up", "link set lo up",
                        f"route add default via {self.hub}"):
            run("nsenter", "-t", str(self.holder.pid), "-n", "ip", *command.split())

    def link(self, state):
        run("ip", "link", "set", self.wire, state)


class Disk:
    """A small file system of its own, that can be full."""

    def __init__(self, root, name):
        self.path = os.path.join(root, "disks", name)
        image = self.path + ".img"
        os.makedirs(self.path)
        with open(image, "wb") as file:
            file.truncate(DISK_MIB << 20)
        run("mkfs.ext4", "-q", "-m", "0", image)
        run("mount", "-o", "loop", image, self.path)
        self._ballast = os.path.join(self.path, "ballast")

    def fill(self):
        with open(self._ballast, "wb") as file:
            size = 0
            for step in (1 << 20, 1 << 12):
                with contextlib.suppress(OSError):
                    while True:
                        os.posix_fallocate(file.fileno(), size, step)
                        size += step

    def free(self):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._ballast)


class Placed(Daemon):
    """A daemon in its place, with its own view of the files: `binds` are (directory, where)."""

    def __init__(self, place, disk, arguments, binds=()):
        super().__init__(os.path.dirname(arguments[-1]), arguments)
        self.place = place
        self.disk = disk
        script = "".join(f"mount --bind {source} {target} && " for source, target in binds)
        self.holder = subprocess.Popen(
            ["nsenter", "-t", str(place.holder.pid), "-n", "unshare", "--mount", "sh", "-c",
             script + "exec sleep infinity"])
        fleet.until(lambda: self._command(self.holder.pid) == b"sleep", "its place is made")
        self.arguments = ["nsenter", "-t", str(self.holder.pid), "-n", "-m", "--", *arguments]
        self.ends = []  # How it ended when nobody had asked it to.
        self.wanted = False
        self._started = 0.0

    @staticmethod
    def _command(pid):
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return file.read().split(b"\0")[0]

    def start(self):
        super().start()
        self.wanted = True
        self._started = time.monotonic()
        return self

    def kill(self, number=signal.SIGKILL):
        self.wanted = False
        return super().kill(number)

    def signal(self, number):
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(number)

    def look(self):
        """As systemd: one that has ended by itself is started again, after a moment."""
        rested = time.monotonic() - self._started > RESTART_SECONDS
        if self.wanted and rested and self.process.poll() is not None:
            self.ends.append(self.process.returncode)
            self.start()


class Authority:
    """A certificate authority of this world. EC keys: made in no time."""

    def __init__(self, root):
        self.directory = os.path.join(root, "tls")
        os.makedirs(self.directory)
        self.ca = self._path("ca.pem")
        run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
            "-nodes", "-keyout", self._path("ca.key"), "-out", self.ca, "-days", "2", "-subj",
            "/CN=fire")

    def _path(self, name):
        return os.path.join(self.directory, name)

    def make(self, name, country, addresses):
        key, request, cert = (self._path(f"{name}.{kind}") for kind in ("key", "csr", "pem"))
        names = self._path(f"{name}.cnf")
        with open(names, "w", encoding="utf-8") as file:
            file.write("subjectAltName=" + ",".join(f"IP:{one}" for one in addresses) + "\n")
        run("openssl", "req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
            "-keyout", key, "-out", request, "-subj", f"/C={country}/CN={name}")
        run("openssl", "x509", "-req", "-in", request, "-CA", self.ca, "-CAkey",
            self._path("ca.key"), "-CAcreateserial", "-out", cert, "-days", "2", "-extfile", names)
        return self.ca, cert, key


class World:
    def __init__(self, root, delay):
        """`delay`: seconds between any two places, each way."""
        self.root = root
        run("ip", "link", "set", "lo", "up")
        self.evidence = os.path.join(root, "evidence")  # In its place, an agent's own: a bind.
        self.locks = os.path.join(root, "locks")
        for directory in (self.evidence, self.locks):
            os.makedirs(directory)
            os.chmod(directory, 0o777)
        self.authority = Authority(root)
        self.proxies = Proxies()
        self.places = {name: Place(name, number)
                       for number, name in enumerate(("scheduler", *REGIONS))}
        # Half of the way at each end.
        self.ways = {name: {way: self.proxies.way(delay / 2) for way in ("out", "in")}
                     for name in self.places}
        self._anchor = int(time.time())
        self.clock_step = 0  # Seconds of scheduling time.
        self._make_scheduler()
        self.agents = {node: self._make_agent(node, number)
                       for number, node in enumerate(NODES, start=1)}
        self.daemons = [self.scheduler, *self.agents.values()]

    def _carry(self, place, port, address):
        """Everybody reaches `port` of the place through the hub's `address`."""
        run("ip", "addr", "add", f"{address}/32", "dev", "lo")
        by_network = {one.hub.rsplit(".", 1)[0]: name for name, one in self.places.items()}

        def ways(peer):
            near = self.ways[by_network.get(peer.rsplit(".", 1)[0], "scheduler")]
            far = self.ways[place.name]
            return [near["out"], far["in"]], [far["out"], near["in"]]

        self.proxies.carry((place.host, port), ways, (address, port))

    def _make_scheduler(self):
        place, disk = self.places["scheduler"], Disk(self.root, "scheduler")
        directory = os.path.join(self.root, "scheduler")
        os.makedirs(directory)
        self._carry(place, SCHEDULER_PORT, "10.88.0.1")
        self.tls = self.authority.make("scheduler", "SG", [place.host, "10.88.0.1"])
        config = os.path.join(directory, "scheduler.yaml")
        self.scheduler = Placed(place, disk,
                                [os.path.join(BIN, "heliotrope-scheduler"), "--config", config])
        self.configure_scheduler()
        client = self.authority.make("client", "SG", [place.hub])
        read = lambda path: open(path, "rb").read()
        self._credentials = grpc.ssl_channel_credentials(read(client[0]), read(client[2]),
                                                         read(client[1]))

    def configure_scheduler(self):
        place = self.scheduler.place
        names = sorted(set(NODES.values()))
        lines = [f"listen: {place.host}:{SCHEDULER_PORT}", "http_listen: 127.0.0.1:7401",
                 f"store: {{sqlite: {self.database}}}", f"lease_duration: {LEASE_SECONDS}s",
                 "jurisdiction_groups: {EU: {codes: [DE]}}",
                 "tls: {ca: %s, cert: %s, key: %s}" % self.tls, "data_centers:"]
        for name in names:
            region, jurisdiction, zone = DATA_CENTERS[name]
            lines.append(f"  - {{name: {name}, region: {region}, time_zone: {zone}, "
                         f"jurisdiction: {jurisdiction}}}")
        shown = [time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(one))
                 for one in (self._anchor, self._anchor + self.clock_step)]
        lines.append("clock: {anchor: %s, start: %s, speed: %d}" % (*shown, SPEED))
        with open(self.scheduler.arguments[-1], "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")

    @property
    def database(self):
        return os.path.join(self.scheduler.disk.path, "state.db")

    def _make_agent(self, node, number):
        data_center = NODES[node]
        region, jurisdiction, _ = DATA_CENTERS[data_center]
        place, disk = self.places[region], Disk(self.root, node)
        os.chmod(disk.path, 0o755)
        directory = os.path.join(self.root, node)
        own = self.evidence_of(data_center)
        for one in (directory, own):
            os.makedirs(one)
        os.chmod(own, 0o777)
        address, port = f"10.88.{number}.1", AGENT_PORT + number
        self._carry(place, port, address)
        tls = self.authority.make(node, jurisdiction, [place.host, address])
        config = os.path.join(directory, "agent.yaml")
        lines = [f"node: {node}", f"data_center: {data_center}", f"jurisdiction: {jurisdiction}",
                 f"scheduler: 10.88.0.1:{SCHEDULER_PORT}", f"listen: {place.host}:{port}",
                 f"advertise: {address}:{port}", "http_listen: 127.0.0.1:0",
                 f"state_directory: {disk.path}/state",
                 "capacity: {cores: 6, memory_bytes: 4GiB}",
                 "load: {replay: {file: %s, peak: 1, time_zone: UTC}}" % fleet.idle_load(directory),
                 "yield: {freeze_above_cpu_pressure_percent: 0}",
                 "retention: {ended_attempts: 20s, total_bytes: 4MiB}",
                 "tls: {ca: %s, cert: %s, key: %s}" % tls]
        with open(config, "w", encoding="utf-8") as file:
            file.write("\n".join(lines) + "\n")
        return Placed(place, disk, [os.path.join(BIN, "heliotrope-agent"), "--config", config],
                      [(own, self.evidence)])

    def evidence_of(self, data_center):
        return os.path.join(self.root, "evidence-of", data_center)

    def channel(self):
        """To the scheduler, from the hub."""
        return grpc.secure_channel(f"{self.places['scheduler'].host}:{SCHEDULER_PORT}",
                                   self._credentials)

    def start(self):
        for daemon in self.daemons:
            daemon.start()

    def at_rest(self):
        """(data center, job's name) of every checkpoint on a disk, as the job has written it."""
        found = set()
        for node, agent in self.agents.items():
            for directory, _, files in os.walk(agent.disk.path):
                if "state" not in files:
                    continue
                with contextlib.suppress(OSError, IndexError, UnicodeDecodeError):
                    with open(os.path.join(directory, "state"), encoding="ascii") as file:
                        found.add((NODES[node], "jobs/" + file.read().split()[0]))
        return found

    def shims(self):
        """Process ids of all shims. All of this world: it has its own process ids."""
        found = []
        for entry in os.listdir("/proc"):
            if entry.isdigit():
                with contextlib.suppress(OSError):
                    if os.path.basename(os.readlink(f"/proc/{entry}/exe")) == "heliotrope-shim":
                        found.append(int(entry))
        return sorted(found)

    def logs(self, bytes_each=4000):
        return "".join(f"--- log of {one.directory}\n{one.log()[-bytes_each:]}\n"
                       for one in self.daemons)

