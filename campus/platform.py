"""The whole platform on one machine: the local stack, and every role of every service."""

import hashlib
import json
import os
import subprocess
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from campus.identity import IdentityProvider
from campus.stack.concurrency import all_at_once, alone
from campus.stack.errors import StackError
from campus.stack.given import given_beside
from campus.stack.meetings import Meetings
from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure, python_command
from campus.stack.prometheus import Prometheus, find_prometheus
from campus.stack.stack import Stack, State
from chassis.operations.settings import DECLARE, EDGES, MIGRATE

ROLES: Mapping[str, tuple[str, ...]] = {
    "catalog": ("api", "worker", "relay", "auditor"),
    "library": ("api", "worker", "relay", "archiver"),
    "sessions": ("api", "live", "worker", "solver", "meetings", "relay"),
    "progress": ("api", "worker", "relay"),
    "notify": ("api", "worker", "relay", "webhooks"),
}
JOBS = (MIGRATE, DECLARE)
"""The roles that end by themselves, in their order; they run before the others."""
HAVE_PAGES = ("library-api", "sessions-api", "notify-api", "notify-worker")
"""The roles that answer pages with secret addresses, or write these addresses."""
# The longest time that a role needs to stop: its drain of 20 s, and a little more.
GRACE = 25.0


@dataclass(frozen=True)
class Status:
    """The status of one part or role; fields that do not apply are None.

    `http` is the HTTP address of a role api or live, beside gRPC.
    """

    name: str
    state: str
    pid: int | None = None
    address: str | None = None
    http: str | None = None


class Role:
    """One role of one service as a process: start it, stop it, kill it, check it."""

    def __init__(self, service: str, role: str, folder: Path) -> None:
        self.service, self.role = service, role
        self.name = f"{service}-{role}"
        self.process = Process(self.name, folder)
        self._ports = Ports(folder / "platform" / f"{self.name}.json")
        self._api_ports = Ports(folder / "platform" / f"{service}-api.json")

    def start(self, environment: Mapping[str, str]) -> None:
        """Run the role until it is ready. Raises StackError with the end of its log."""
        ensure(self.process, lambda: self.launch(environment), self.ready)

    def ready(self) -> bool:
        """Return whether the role reports that it is ready."""
        try:
            with urllib.request.urlopen(f"{self.ops_url}/ready", timeout=5) as answer:  # noqa: S310
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def ops_url(self) -> str:
        """Return the URL of its metrics and health."""
        return f"http://{self.ops_address}"

    @property
    def ops_address(self) -> str:
        """Return the same address as host and port."""
        # Port 1 means that the role was never started: no role uses that port.
        return f"{HOST}:{self._ports.remembered().get('ops', 1)}"

    @property
    def target(self) -> str:
        """Return the address of its gRPC server."""
        return f"{HOST}:{self._ports.remembered().get('grpc', 1)}"

    @property
    def http_address(self) -> str:
        """Return the address of its HTTP server."""
        return f"{HOST}:{self._ports.remembered().get('http', 1)}"

    @property
    def address(self) -> str:
        """Return the main address: gRPC for the roles api and live, operations for the others."""
        return self.target if self.role in EDGES else self.ops_url

    @property
    def http_url(self) -> str | None:
        """Return its HTTP address, if it has one."""
        return f"http://{self.http_address}" if self.role in EDGES else None

    def claim_ports(self) -> None:
        """Choose the role's ports; a role that runs keeps its ports."""
        if not self.process.alive:
            self._ports.claim("ops", "grpc", "http")

    def launch(self, environment: Mapping[str, str]) -> None:
        """Start the process without waiting for it."""
        pages = {}
        if self.name in HAVE_PAGES:
            # The key has to be a secret of this platform, and to stay the same.
            secret = hashlib.sha256(environment.get("TANDEM_S3_SECRET_KEY", "").encode())
            address = f"http://{HOST}:{self._api_ports.remembered().get('http', 1)}"
            pages = {"TANDEM_PAGES_URL": address, "TANDEM_PAGES_KEY": secret.hexdigest()}
        if self.name in ("notify-api", "notify-webhooks"):
            # A machine for development: receivers are on it, too.
            secret = hashlib.sha256(f"webhooks {environment.get('TANDEM_S3_SECRET_KEY')}".encode())
            pages |= {
                "TANDEM_WEBHOOKS_KEY": secret.hexdigest(),
                "TANDEM_WEBHOOKS_NETWORKS": "127.0.0.0/8",
            }
        if self.role == "api" and self.service == "progress":
            pages = {"TANDEM_XAPI_URL": f"http://{self.http_address}/xapi"}
        self.process.start(
            python_command(f"services.{self.service}", self.role),
            {
                **pages,
                **_whole(environment),
                "TANDEM_OPS_ADDRESS": self.ops_address,
                "TANDEM_GRPC_ADDRESS": self.target,
                "TANDEM_HTTP_ADDRESS": self.http_address,
            },
        )


class Platform:
    """The platform of one data folder. Parts that the environment gives are used, not started."""

    def __init__(
        self,
        folder: Path = Path("var"),
        given: Mapping[str, str] = os.environ,
        extra: Mapping[str, str] | None = None,
        hosts_meetings: bool = False,
    ) -> None:
        """`hosts_meetings`: whether it has a meeting provider of its own (campus/meetings)."""
        self.folder = folder.absolute()
        self.stack = Stack(self.folder, given)
        self.prometheus = Prometheus(self.folder)
        self.identity = IdentityProvider(self.folder)
        self.roles = {
            f"{service}-{role}": Role(service, role, self.folder)
            for service, roles in ROLES.items()
            for role in roles
        }
        self._given = given
        self._extra = dict(extra or {})
        self._hosts_meetings = hosts_meetings
        self._file = self.folder / "platform" / "environment.json"
        self._lock = self.folder / "platform" / "lock"

    def up(self, said: Callable[[str], None] = lambda _: None, monitoring: bool = False) -> None:
        """Start what doesn't run; report each step to `said`. Raises StackError with all failures.

        While a role runs, other roles are started with the same settings and servers, because all
        roles must agree. Only one `up` or `down` of a folder runs at a time; another waits. The
        broker's topology is declared before any role publishes: otherwise an event for a queue
        that does not exist yet would be in the history only. With `monitoring`, Prometheus runs
        from the start of the roles until `down`.
        """
        with alone(self._lock):
            self._up(said, monitoring or self.prometheus.wanted)

    def _up(self, said: Callable[[str], None], monitoring: bool) -> None:
        if monitoring:
            find_prometheus()  # raises before anything starts if it is missing
        said("servers: RabbitMQ, MongoDB, S3, SMTP")
        stack = self._stack_as_it_was if self._runs_in_part else self.stack
        endpoints = stack.up().environment()
        for role in self.roles.values():
            role.claim_ports()
        environment = self._assemble(endpoints)
        if self.hosts_meetings:
            said("meetings: a provider that speaks BigBlueButton's API")
            environment |= self._host_meetings(environment.get("TANDEM_CLOCK", "system"))
        self._write(environment)
        if monitoring:
            said("monitoring: Prometheus")
            self.prometheus.start(self._ops_addresses(), stack.broker_metrics)
        said("databases and topology: indexes, exchange, history, queues")
        all_at_once((partial(self._prepare, service, environment) for service in ROLES), most=3)
        said(f"services: {len(self.roles)} processes")
        all_at_once((partial(role.start, environment) for role in self.roles.values()), most=6)
        if monitoring:
            said("monitoring: first scrape")
            self.prometheus.scrape_again()

    def down(self, said: Callable[[str], None] = lambda _: None) -> None:
        """Stop every role, then the servers; keep the data."""
        with alone(self._lock):
            said("services")
            all_at_once((partial(role.process.stop, GRACE) for role in self.roles.values()), 16)
            said("servers")
            all_at_once((self.stack.down, self.prometheus.stop))
            self._file.unlink(missing_ok=True)

    def status(self) -> list[Status]:
        """Return the status of every part and role."""
        stack = self._stack_as_it_was if self.running else self.stack
        parts = [
            Status(part.name, part.state.value, part.pid, part.address) for part in stack.status()
        ]
        watcher = [_status_of(self.prometheus)] if self.prometheus.wanted else []
        provider = [_status_of(self.stack.meetings)] if self.hosts_meetings else []
        return parts + watcher + provider + [_status_of(role) for role in self.roles.values()]

    @property
    def hosts_meetings(self) -> bool:
        """Return whether it has a meeting provider of its own."""
        ours = str(self.stack.meetings.servers_file)
        started_so = self.running and self.environment().get("TANDEM_MEETINGS_FILE") == ours
        return self._hosts_meetings or started_so

    @property
    def running(self) -> bool:
        """Return whether the platform was started, and not stopped since."""
        return self._file.exists()

    def environment(self) -> dict[str, str]:
        """Return the running platform's TANDEM_* variables. Raises StackError if it is down."""
        try:
            found: dict[str, str] = json.loads(self._file.read_text())
        except FileNotFoundError:
            raise StackError(f"nothing runs in {self.folder}; `tandem up` starts it") from None
        return found

    def target(self, service: str, role: str = "api") -> str:
        """Return the address of a role's gRPC server."""
        return self.roles[f"{service}-{role}"].target

    def url(self, service: str) -> str:
        """Return the address of a service's HTTP server."""
        return str(self.roles[f"{service}-api"].http_url)

    def restart(self, name: str) -> None:
        """Start a role that was stopped or killed."""
        self.roles[name].start(self.environment())

    def _ops_addresses(self) -> dict[str, str]:
        return {name: role.ops_address for name, role in self.roles.items()}

    def _assemble(self, endpoints: Mapping[str, str]) -> dict[str, str]:
        targets = {f"TANDEM_{service.upper()}_TARGET": self.target(service) for service in ROLES}
        return {
            **(self.environment() if self._runs_in_part else self._given_to_us()),
            **endpoints,
            **self.identity.environment(),
            **targets,
            **self._extra,
        }

    def _host_meetings(self, clock: str) -> dict[str, str]:
        """Start the meeting provider; return how it and sessions reach each other."""
        self.stack.meetings.start(clock)
        return {
            **self.stack.meetings.environment(),
            "TANDEM_WEBHOOKS_URL": self.url("sessions"),
        }

    @property
    def _stack_as_it_was(self) -> Stack:
        """Return the stack that the platform was started with, even if our environment differs."""
        addresses = {part.name: part.address for part in self.stack.parts.values()}
        return Stack(self.folder, given_beside(addresses, self.environment()))

    @property
    def _runs_in_part(self) -> bool:
        return self.running and any(role.process.alive for role in self.roles.values())

    def _given_to_us(self) -> dict[str, str]:
        ours = ("TANDEM_", "OTEL_")
        given = {key: value for key, value in self._given.items() if key.startswith(ours)}
        return {"TANDEM_ENVIRONMENT": "development", **given}

    def _write(self, environment: Mapping[str, str]) -> None:
        """Store the environment for later commands; its secrets are for this machine only.

        It is there as a whole or not at all: another command may read it at any moment.
        """
        self._file.parent.mkdir(parents=True, exist_ok=True)
        draft = self._file.with_suffix(f".{os.getpid()}")
        draft.touch(mode=0o600)
        draft.write_text(json.dumps(dict(environment), indent=2))
        draft.replace(self._file)

    def _prepare(self, service: str, environment: Mapping[str, str]) -> None:
        for job in JOBS:
            done = subprocess.run(
                python_command(f"services.{service}", job),
                env=_whole(environment),
                capture_output=True,
                text=True,
                check=False,
            )
            if done.returncode:
                raise StackError(f"{service} {job} failed:\n{done.stdout}{done.stderr}")


def _whole(environment: Mapping[str, str]) -> dict[str, str]:
    """Return `environment` with our own variables, such as PATH and HOME, that it lacks."""
    return {**os.environ, **environment}


def _status_of(part: Role | Prometheus | Meetings) -> Status:
    pid = part.process.pid
    if pid is None:
        return Status(part.name, State.STOPPED.value)
    state = State.RUNNING if part.ready() else State.NOT_ANSWERING
    http = part.http_url if isinstance(part, Role) else None
    return Status(part.name, state.value, pid, part.address, http)
