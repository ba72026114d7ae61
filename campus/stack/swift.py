"""The S3 store: OpenStack Swift with its S3 API, all of its servers in one child process."""

import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import urllib3

from campus.stack.errors import StackError
from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure, python_command

if TYPE_CHECKING:  # loaded at first use: it is large, and most commands never call the store
    from minio import Minio

BUCKET = "tandem"
REGION = "us-east-1"
PORTS = ("proxy", "account", "container", "object")


@dataclass(frozen=True)
class Credentials:
    """Swift's account and user, whose S3 access key is `account:user`, and the secret key."""

    account: str
    user: str
    secret: str

    @property
    def access_key(self) -> str:
        """Return the S3 access key."""
        return f"{self.account}:{self.user}"


class ObjectStore:
    """The S3 store of a data folder, with the bucket `tandem`."""

    name = "s3"

    def __init__(self, folder: Path) -> None:
        self.process = Process(self.name, folder)
        self._home = folder / self.name
        self._ports = Ports(self._home / "ports.json")

    def start(self) -> None:
        """Start the servers, and wait until the bucket exists. Raises StackError."""
        ensure(self.process, self._launch, self.ready)

    def stop(self) -> None:
        """Stop the servers, and keep the data."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the servers, like a power cut."""
        self.process.kill()

    def ready(self) -> bool:
        """Return whether the store answers a signed request; create the bucket if needed."""
        from minio.error import MinioException

        try:
            return self._ensure_bucket()
        except (MinioException, urllib3.exceptions.HTTPError):
            return False

    @property
    def address(self) -> str:
        """Return the S3 endpoint."""
        return f"http://{self._host}"

    def environment(self) -> dict[str, str]:
        """Return address, keys, bucket and region as settings of the services."""
        credentials = self._credentials()
        return {
            "TANDEM_S3_ENDPOINT": self.address,
            "TANDEM_S3_ACCESS_KEY": credentials.access_key,
            "TANDEM_S3_SECRET_KEY": credentials.secret,
            "TANDEM_S3_BUCKET": BUCKET,
            "TANDEM_S3_REGION": REGION,
        }

    def client(self, http: urllib3.PoolManager | None = None) -> "Minio":
        """Return a client with the store's keys; without `http` it repeats failed requests."""
        from minio import Minio

        keys = self._credentials()
        return Minio(
            self._host,
            access_key=keys.access_key,
            secret_key=keys.secret,
            region=REGION,
            secure=False,
            http_client=http,
        )

    @property
    def _host(self) -> str:
        return f"{HOST}:{self._ports.remembered().get('proxy', 0)}"

    def _ensure_bucket(self) -> bool:
        client = self.client(urllib3.PoolManager(retries=False, timeout=10))
        if not client.bucket_exists(BUCKET):
            client.make_bucket(BUCKET)
        return True

    def _launch(self) -> None:
        devices = self._home / "devices"
        devices.mkdir(parents=True, exist_ok=True)
        require_user_xattrs(devices)
        self._credentials()
        self._ports.claim(*PORTS)
        self.process.start(python_command("campus.stack.swift_server", str(self._home)))

    def _credentials(self) -> Credentials:
        """Return the keys of this data folder; create random ones on first use."""
        file = self._home / "credentials.json"
        if not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            made = Credentials("campus", secrets.token_hex(8), secrets.token_hex(20))
            draft = file.with_suffix(".new")
            draft.touch(mode=0o600)
            draft.write_text(json.dumps(asdict(made)))
            draft.replace(file)
        return Credentials(**json.loads(file.read_text()))


def require_user_xattrs(folder: Path) -> None:
    """Raise StackError if the file system has no user xattrs; Swift stores metadata in them."""
    probe = folder / ".xattr-probe"
    probe.touch()
    try:
        os.setxattr(probe, "user.tandem", b"probe")
    except OSError as error:
        raise StackError(
            f"The S3 store can't keep its data in {folder}: the file system has no user xattrs "
            f"({error.strerror}). Use a data folder on ext4, xfs or btrfs, or set TANDEM_S3_* to "
            "a running store."
        ) from None
    finally:
        probe.unlink()
