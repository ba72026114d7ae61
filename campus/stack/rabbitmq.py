"""RabbitMQ: Debian's server, run by any user, as a node without other nodes.

Each data folder has its own node name, ports, data, cookie and port mapper (epmd), so its node is
independent of a RabbitMQ of the system or of another data folder.
"""

import base64
import os
import secrets
import shutil
import urllib.request
from pathlib import Path
from urllib.parse import quote

import pika
import pika.exceptions

from campus.stack.errors import StackError
from campus.stack.ports import HOST, Ports, is_open
from campus.stack.process import Process, ensure

# Debian's /usr/sbin/rabbitmq-server requires root or the user rabbitmq; this one does not.
SERVER = Path("/usr/lib/rabbitmq/bin/rabbitmq-server")
PLUGINS = (
    "[rabbitmq_consistent_hash_exchange,rabbitmq_management,rabbitmq_prometheus,rabbitmq_stream].\n"
)
PORTS = ("epmd", "amqp", "distribution", "management", "prometheus", "stream")

MISSING = """\
RabbitMQ is missing. Type
    sudo apt-get install -y --no-install-recommends rabbitmq-server
or set TANDEM_AMQP_URL to a server that runs, or use deploy/compose."""


class RabbitMQ:
    """The RabbitMQ node of a data folder; its ports, name and data are kept."""

    name = "rabbitmq"

    def __init__(self, folder: Path) -> None:
        self.process = Process(self.name, folder)
        self._epmd = Process("epmd", folder)
        self._home = folder / self.name
        self._ports = Ports(self._home / "ports.json")

    def start(self) -> None:
        """Start the server, and wait until it accepts AMQP connections. Raises StackError."""
        try:
            ensure(self.process, self._launch, self.ready)
        except StackError:
            self._epmd.kill()
            raise

    def stop(self) -> None:
        """Stop the server, and keep its data.

        It takes 6 s, because the web server (Ranch 2.1, `ranch_server_proxy`) waits for 5 s. `kill`
        takes no time.
        """
        self.process.stop(grace=30)
        self._epmd.stop()

    def kill(self) -> None:
        """Kill the server, like a power cut.

        Confirmed messages survive in queues that are older than a second. RabbitMQ 3.10 (`ra`)
        writes its list of quorum queues only every 0.5 s, and a queue that is missing from the list
        does not answer after a restart.
        """
        self.process.kill()
        self._epmd.kill()

    def ready(self) -> bool:
        """Return whether an AMQP connection can be opened and closed."""
        if not is_open(self._port("amqp")):
            return False  # otherwise pika logs an error for each try
        try:
            pika.BlockingConnection(pika.URLParameters(f"{self.address}?socket_timeout=5")).close()
        except (pika.exceptions.AMQPError, OSError):
            return False
        return True

    @property
    def address(self) -> str:
        """Return the AMQP URL, with the default virtual host."""
        return f"amqp://guest:guest@{HOST}:{self._port('amqp')}/%2F"

    @property
    def management_url(self) -> str:
        """Return the base URL of the management HTTP API, without credentials (guest, guest)."""
        return f"http://{HOST}:{self._port('management')}"

    @property
    def prometheus_url(self) -> str:
        """Return the address of the broker's metrics."""
        return f"http://{HOST}:{self._port('prometheus')}/metrics"

    def environment(self) -> dict[str, str]:
        """Return the addresses as settings of the services."""
        return {
            "TANDEM_AMQP_URL": self.address,
            "TANDEM_AMQP_MANAGEMENT_URL": self.management_url,
        }

    def create_vhost(self, name: str) -> str:
        """Create a virtual host that guest may use, and return its AMQP URL."""
        _call("PUT", f"{self.management_url}/api/vhosts/{quote(name, safe='')}")
        return f"amqp://guest:guest@{HOST}:{self._port('amqp')}/{quote(name, safe='')}"

    def delete_vhost(self, name: str) -> None:
        """Delete a virtual host with its contents."""
        _call("DELETE", f"{self.management_url}/api/vhosts/{quote(name, safe='')}")

    def _port(self, name: str) -> int:
        return self._ports.remembered().get(name, 0)

    def _launch(self) -> None:
        server = find_server()
        self._epmd.kill()
        ports = self._ports.claim(*PORTS)
        self._write_files(ports)
        self._epmd.start(["epmd", "-address", HOST, "-port", str(ports["epmd"])])
        self.process.start([server], self._environment(ports))

    def _write_files(self, ports: dict[str, int]) -> None:
        self._home.mkdir(parents=True, exist_ok=True)
        (self._home / "enabled_plugins").write_text(PLUGINS)
        (self._home / "rabbitmq.conf").write_text(_configuration(ports))
        _write_once(self._home / "node_name", f"tandem-{secrets.token_hex(4)}@localhost")
        _write_once(self._home / ".erlang.cookie", secrets.token_hex(20))

    def _environment(self, ports: dict[str, int]) -> dict[str, str]:
        home = self._home
        return {
            "PATH": os.environ.get("PATH", os.defpath),
            "LANG": "C.UTF-8",
            "HOME": str(home),
            # The start script then becomes the server, instead of waiting for it as its parent.
            "RUNNING_UNDER_SYSTEMD": "true",
            "RABBITMQ_CONF_ENV_FILE": os.devnull,
            "RABBITMQ_NODENAME": (home / "node_name").read_text(),
            "RABBITMQ_NODE_IP_ADDRESS": HOST,
            "RABBITMQ_NODE_PORT": str(ports["amqp"]),
            "RABBITMQ_DIST_PORT": str(ports["distribution"]),
            "RABBITMQ_MNESIA_BASE": str(home / "data"),
            "RABBITMQ_LOG_BASE": str(home / "log"),
            "RABBITMQ_PID_FILE": str(home / "pid"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(home / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(home / "rabbitmq"),
            "ERL_EPMD_ADDRESS": HOST,
            "ERL_EPMD_PORT": str(ports["epmd"]),
            "ERL_CRASH_DUMP_SECONDS": "0",
            # The first keeps the distribution port off other interfaces; the rest keep an idle
            # node's schedulers from spinning on the cores that the tests need.
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": (
                "-kernel inet_dist_use_interface {127,0,0,1} "
                "+sbwt none +sbwtdcpu none +sbwtdio none"
            ),
        }


def find_server() -> str:
    """Return the start script: Debian's, else one on the PATH. Raises StackError."""
    found = str(SERVER) if SERVER.exists() else shutil.which("rabbitmq-server")
    if found is None:
        raise StackError(MISSING)
    return found


def _configuration(ports: dict[str, int]) -> str:
    return f"""\
management.tcp.ip = {HOST}
management.tcp.port = {ports["management"]}
prometheus.tcp.ip = {HOST}
prometheus.tcp.port = {ports["prometheus"]}
stream.listeners.tcp.1 = {HOST}:{ports["stream"]}
log.console = true
log.console.level = warning
log.file = false
"""


def _write_once(path: Path, text: str) -> None:
    """Write a file that only its owner may read (Erlang insists), unless it is there already."""
    if not path.exists():
        path.touch(mode=0o600)
        path.write_text(text)
    path.chmod(0o600)


def _call(method: str, url: str) -> None:
    """Call the management API as guest. Raises urllib.error.HTTPError."""
    request = urllib.request.Request(url, method=method)  # noqa: S310 - an http URL of ours
    token = base64.b64encode(b"guest:guest").decode()
    request.add_header("Authorization", f"Basic {token}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
        answer.read()
