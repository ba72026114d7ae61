"""Meetings: a provider that speaks BigBlueButton's API, for the demo and for tests."""

import json
import secrets
from collections.abc import Mapping
from pathlib import Path

import httpx

from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure, python_command


class Meetings:
    """The meeting provider of a data folder. It keeps everything in memory."""

    name = "meetings"

    def __init__(self, folder: Path, environment: Mapping[str, str] | None = None) -> None:
        """`environment`: the provider's whole environment, such as TANDEM_CLOCK; default: ours."""
        self.process = Process(self.name, folder)
        self._ports = Ports(folder / self.name / "ports.json")
        self._secret_file = folder / self.name / "secret"
        self._environment = environment

    def start(self) -> None:
        """Start the provider, and wait until it answers. Raises StackError."""
        ensure(self.process, self._launch, self.ready)

    def stop(self) -> None:
        """Stop the provider, which loses what it has."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the provider, like a power cut."""
        self.process.kill()

    def ready(self) -> bool:
        """Return whether the provider tells its version."""
        try:
            return httpx.get(f"{self.url}api", timeout=2, trust_env=False).is_success
        except httpx.HTTPError:
            return False

    @property
    def url(self) -> str:
        """Return the URL that a client of BigBlueButton wants."""
        return f"{self.address}/bigbluebutton/"

    @property
    def secret(self) -> str:
        """Return the secret that the provider shares with its clients; it is made at first use."""
        if not self._secret_file.exists():
            self._secret_file.parent.mkdir(parents=True, exist_ok=True)
            self._secret_file.touch(mode=0o600)
            self._secret_file.write_text(secrets.token_hex(16))
        return self._secret_file.read_text()

    @property
    def address(self) -> str:
        """Return the URL of the server."""
        return f"http://{HOST}:{self._ports.remembered().get('http', 1)}"

    def control(self, what: str, **asked: object) -> None:
        """Tell the provider to do something (campus/meetings/control.py).

        Raises httpx.HTTPError, with the provider's words, if it does not.
        """
        body = json.dumps(asked, default=str)
        answer = httpx.post(f"{self.address}/control/{what}", content=body, trust_env=False)
        if answer.is_error:
            raise httpx.HTTPError(f"the provider refused {what}: {answer.text}")

    def settle(self) -> None:
        """Wait until all events of the provider were taken."""
        httpx.get(f"{self.address}/control/settled", timeout=120, trust_env=False)

    def replace_video(self, recording_id: str, video: bytes) -> None:
        """Replace the video of a recording."""
        url = f"{self.address}/control/recording/{recording_id}/video"
        httpx.put(url, content=video, trust_env=False).raise_for_status()

    def _launch(self) -> None:
        port = str(self._ports.claim("http")["http"])
        assert self.secret  # it is made here at first
        command = python_command("campus.meetings.server", port, str(self._secret_file))
        self.process.start(command, self._environment)
