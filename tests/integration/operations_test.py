"""What operators do: metrics, reload, TLS, strangers on the ports, reflection, shutdown."""

import os
import pathlib
import shutil
import signal
import socket
import subprocess
import unittest
import urllib.request

import grpc

import fleet
from fleet import BIN, FleetTest, fleet_pb2, job_of, jobs_pb2, until
import reflection


class OperationsTest(FleetTest):
    def metrics(self):
        url = f"http://127.0.0.1:{self.sched.http_port}/metrics"
        with urllib.request.urlopen(url, timeout=10) as answer:
            return answer.read().decode()

    def test_metrics_are_sound_and_name_no_job(self):
        self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(["/bin/true"], job_id="very-special-name")
        self.until_state("jobs/very-special-name", "SUCCEEDED")
        text = self.metrics()
        self.assertIn("heliotrope_", text)
        self.assertNotIn("very-special-name", text)
        self.assertNotIn("job=", text)
        self.assertNotIn("task=", text)
        promtool = shutil.which("promtool")
        self.assertIsNotNone(promtool, "promtool is in the test packages")
        checked = subprocess.run([promtool, "check", "metrics"], input=text.encode(),
                                 capture_output=True, timeout=60)
        self.assertEqual(checked.returncode, 0, checked.stdout + checked.stderr)

    def test_a_data_center_is_added_by_reload_and_a_bad_file_is_refused(self):
        scheduler = self.scheduler(["frankfurt-1"])
        scheduler.configure(["frankfurt-1", "virginia"])
        scheduler.process.send_signal(signal.SIGHUP)

        def names():
            found = self.fleet.ListDataCenters(fleet_pb2.ListDataCentersRequest(), timeout=10)
            return [d.name for d in found.data_centers]

        both = ["dataCenters/frankfurt-1", "dataCenters/virginia"]
        until(lambda: names() == both, "virginia joins")
        self.agent("v1", "virginia")
        self.submit(["/bin/true"], job_id="there", residency=["US"])
        self.until_state("jobs/there", "SUCCEEDED")
        with open(scheduler.config_path, "a", encoding="utf-8") as config:
            config.write("data_centres: []\n")
        scheduler.process.send_signal(signal.SIGHUP)
        until(lambda: "data_centers" in scheduler.log().split("unknown key")[-1] and
              "unknown key" in scheduler.log(), "the unknown key is logged with the nearest")
        self.assertEqual(names(), both)

    def test_strangers_on_the_ports_do_no_harm(self):
        scheduler = self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(["/bin/sleep", "1000"], job_id="address")
        address = self.until_task_runs("jobs/address").attempts[0].agent_address
        agent_port = int(address.rsplit(":", 1)[1])
        for port in (scheduler.port, scheduler.http_port, agent_port):
            for garbage in (b"\0" * 4096, b"GET / HTTP/1.1\r\n\r\n", os.urandom(65536),
                            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + os.urandom(1024)):
                with socket.create_connection(("127.0.0.1", port), timeout=10) as stranger:
                    try:
                        stranger.sendall(garbage)
                    except OSError:
                        pass  # It may hang up while we talk.
        self.submit(["/bin/true"], job_id="after")
        self.until_state("jobs/after", "SUCCEEDED")

    def test_reflection_alone_is_enough_to_submit(self):
        scheduler = self.scheduler()
        client = reflection.Client(scheduler.address)
        services = client.services()
        self.assertIn("heliotrope.v1.JobService", services)
        self.assertIn("grpc.health.v1.Health", services)
        answer = client.call("heliotrope.v1.JobService", "CreateJob", {
            "job_id": "reflected",
            "job": {"task": {"command": ["/bin/true"]}, "residency": ["any"]}})
        self.assertEqual(answer["name"], "jobs/reflected")
        client.close()

    def test_an_agent_of_unknown_data_center_or_taken_name_is_refused(self):
        self.scheduler(["frankfurt-1"])
        self.agent("f1", "frankfurt-1")
        stranger = self.agent("v1", "virginia", wait=False)
        until(lambda: "unknown data center" in stranger.log(), "its log says why")
        os.rename(os.path.join(self.root, "f1"), os.path.join(self.root, "f1-first"))
        self.daemons[1].log_path = os.path.join(self.root, "f1-first", "log")
        twin = self.agent("f1", "frankfurt-1", wait=False)
        until(lambda: "another agent holds this node id" in twin.log(), "the twin is told")
        self.assertIsNone(twin.process.poll())

    def test_sigterm_ends_the_scheduler_cleanly(self):
        scheduler = self.scheduler()
        self.agent("f1", "frankfurt-1")
        self.submit(["/bin/true"], job_id="kept", residency=["EU"])
        self.assertEqual(scheduler.kill(signal.SIGTERM), 0)
        dump = subprocess.run([os.path.join(BIN, "heliotrope-scheduler"), "store", "dump",
                               "--config", scheduler.config_path], capture_output=True, timeout=60)
        self.assertEqual(dump.returncode, 0, dump.stderr)
        self.assertIn(b"kept", dump.stdout)

    def test_check_config_names_file_line_and_nearest_key(self):
        path = os.path.join(self.root, "bad.yaml")
        with open(path, "w", encoding="utf-8") as config:
            config.write("listen: 127.0.0.1:0\ndata_center: []\n")
        checked = subprocess.run([os.path.join(BIN, "heliotrope-scheduler"), "--check-config",
                                  "--config", path], capture_output=True, timeout=60)
        self.assertNotEqual(checked.returncode, 0)
        text = (checked.stdout + checked.stderr).decode()
        self.assertIn("bad.yaml:2", text)
        self.assertIn("data_centers", text)

    def test_without_certificates_only_loopback_is_bound(self):
        path = os.path.join(self.root, "open.yaml")
        with open(path, "w", encoding="utf-8") as config:
            config.write("listen: 0.0.0.0:7400\n")
        checked = subprocess.run([os.path.join(BIN, "heliotrope-scheduler"), "--check-config",
                                  "--config", path], capture_output=True, timeout=60)
        self.assertNotEqual(checked.returncode, 0)
        self.assertIn("tls", (checked.stdout + checked.stderr).decode().lower())


class TlsTest(FleetTest):
    def authority(self):
        """A certificate authority of this test, and a maker of certificates."""
        run = lambda *args: subprocess.run(["openssl", *args], check=True, capture_output=True,
                                           cwd=self.root)
        run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", "ca.key", "-out", "ca.pem",
            "-days", "2", "-subj", "/CN=test authority")
        with open(os.path.join(self.root, "san.cnf"), "w", encoding="utf-8") as san:
            san.write("subjectAltName=IP:127.0.0.1,DNS:localhost\n")

        def make(name, country):
            run("req", "-newkey", "rsa:2048", "-nodes", "-keyout", f"{name}.key", "-out",
                f"{name}.csr", "-subj", f"/C={country}/CN={name}")
            run("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
                "-CAcreateserial", "-out", f"{name}.pem", "-days", "2", "-extfile", "san.cnf")
            return tuple(os.path.join(self.root, file)
                         for file in ("ca.pem", f"{name}.pem", f"{name}.key"))

        return make

    def test_every_connection_is_mutually_authenticated(self):
        make = self.authority()
        self.sched = fleet.Scheduler(self.root, ["frankfurt-1"], tls=make("scheduler", "SG"))
        self.daemons.append(self.sched)
        self.sched.start()
        ca, cert, key = make("client", "DE")
        read = lambda path: pathlib.Path(path).read_bytes()
        self.connect(grpc.ssl_channel_credentials(read(ca), read(key), read(cert)))
        self.agent("f1", "frankfurt-1", tls=make("f1", "DE"))
        self.submit(["/bin/echo", "hello"], job_id="secret", residency=["EU"])
        self.until_state("jobs/secret", "SUCCEEDED")
        # Without a certificate of ours nobody gets in.
        for credentials in (grpc.ssl_channel_credentials(read(ca)), None):
            channel = (grpc.secure_channel(self.sched.address, credentials) if credentials
                       else grpc.insecure_channel(self.sched.address))
            with channel, self.assertRaises(grpc.RpcError) as refused:
                fleet.jobs_pb2_grpc.JobServiceStub(channel).ListJobs(jobs_pb2.ListJobsRequest(),
                                                                     timeout=10)
            self.assertEqual(refused.exception.code(), grpc.StatusCode.UNAVAILABLE)
        # A reader's certificate from elsewhere cannot claim to be in the EU.
        address = self.tasks("jobs/secret")[0].attempts[0].agent_address
        ca, cert, key = make("reader", "US")
        credentials = grpc.ssl_channel_credentials(read(ca), read(key), read(cert))
        with grpc.secure_channel(address, credentials) as channel:
            selector = fleet.agent_pb2.AttemptSelector(task="jobs/secret/tasks/0",
                                                       reader_jurisdiction="DE")
            with self.assertRaises(grpc.RpcError) as refused:
                list(fleet.agent_pb2_grpc.AgentServiceStub(channel).ReadLog(
                    fleet.agent_pb2.ReadLogRequest(attempt=selector), timeout=10))
            self.assertEqual(refused.exception.code(), grpc.StatusCode.PERMISSION_DENIED)


if __name__ == "__main__":
    unittest.main()
