"""Meetings: a provider that speaks BigBlueButton's API, for the demo and for tests."""

import json
import os
import secrets
from functools import cached_property, partial
from pathlib import Path

import httpx

from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure, python_command

SERVER = "campus"
"""The server's name in the file of meeting servers, and so in the URL of its webhooks."""
CAPACITY = 1_000
"""For how many people at a time sessions plans it."""
SERVERS = """\
[servers.{server}]
provider = "BIGBLUEBUTTON"
url = "{url}"
secret = "{secret}"
capacity = {capacity}
"""


class Meetings:
    """The meeting provider of a data folder. It keeps everything in memory."""

    name = "meetings"

    def __init__(self, folder: Path) -> None:
        self.process = Process(self.name, folder)
        self._home = folder / self.name
        self._ports = Ports(self._home / "ports.json")
        self._secret_file = self._home / "secret"

    def start(self, clock: str = "system") -> None:
        """Start the provider, and wait until it answers. Raises StackError.

        `clock`: the one by which it tells instants, as TANDEM_CLOCK names it.
        """
        ensure(self.process, partial(self._launch, clock), self.ready)

    def stop(self) -> None:
        """Stop the provider, which loses what it has."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the provider, like a power cut."""
        self.process.kill()

    def ready(self) -> bool:
        """Return whether the provider tells its version."""
        try:
            return self._client.get(f"{self.url}api", timeout=2).is_success
        except httpx.HTTPError:
            return False

    @property
    def url(self) -> str:
        """Return the URL that a client of BigBlueButton wants."""
        return f"{self.address}/bigbluebutton/"

    @property
    def secret(self) -> str:
        """Return the secret that the provider shares with its clients; it is made at first use."""
        return self._made_secret().read_text()

    @property
    def servers_file(self) -> Path:
        """Return the path of the file of meeting servers that names the provider."""
        return self._home / "servers.toml"

    def environment(self) -> dict[str, str]:
        """Write the file of meeting servers, and return the variable that names it.

        Call it after `start`, which chooses the port.
        """
        text = SERVERS.format(server=SERVER, url=self.url, secret=self.secret, capacity=CAPACITY)
        self.servers_file.touch(mode=0o600)
        self.servers_file.write_text(text)
        return {"TANDEM_MEETINGS_FILE": str(self.servers_file)}

    @property
    def address(self) -> str:
        """Return the URL of the server."""
        return f"http://{HOST}:{self._ports.remembered().get('http', 1)}"

    @cached_property
    def _client(self) -> httpx.Client:
        """Made at first use: it reads certificates, and most commands never call the provider."""
        return httpx.Client(timeout=120, trust_env=False)

    def control(self, what: str, **asked: object) -> None:
        """Tell the provider to do something (campus/meetings/control.py).

        Raises httpx.HTTPError, with the provider's words, if it does not.
        """
        body = json.dumps(asked, default=str)
        answer = self._client.post(f"{self.address}/control/{what}", content=body)
        if answer.is_error:
            raise httpx.HTTPError(f"the provider refused {what}: {answer.text}")

    def settle(self) -> None:
        """Wait until all events of the provider were taken."""
        self._client.get(f"{self.address}/control/settled").raise_for_status()

    def faults_left(self) -> int:
        """Return how many of the faults that were ordered have not happened yet."""
        answer = self._client.get(f"{self.address}/control/faults").raise_for_status()
        return int(answer.json()["left"])

    def replace_video(self, recording_id: str, video: bytes) -> None:
        """Replace the video of a recording."""
        url = f"{self.address}/control/recording/{recording_id}/video"
        self._client.put(url, content=video).raise_for_status()

    def _launch(self, clock: str) -> None:
        port = str(self._ports.claim("http")["http"])
        command = python_command("campus.meetings.server", port, str(self._made_secret()))
        self.process.start(command, {**os.environ, "TANDEM_CLOCK": clock})

    def _made_secret(self) -> Path:
        if not self._secret_file.exists():
            self._secret_file.parent.mkdir(parents=True, exist_ok=True)
            self._secret_file.touch(mode=0o600)
            self._secret_file.write_text(secrets.token_hex(16))
        return self._secret_file
