"""The role api as a process that a test may kill, as learners and units call it."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import urllib3
from tandem.progress.v1 import progress_pb2

from chassis.edge.grpc.client import calling_with
from chassis.testing import AUDIENCE, ISSUER, Issuer
from tests.integration.processes import RoleProcess, eventually
from tests.integration.progress.classroom import RUN, Stub
from tests.integration.progress.cmi5.units import BASE, Json, Lms, Unit

BUSY = 503
DEADLINE = 120.0
"""Seconds for a call, on a busy machine."""


class Replica:
    """A process of the role api."""

    def __init__(self, process: RoleProcess, issuer: Issuer, lms: Lms) -> None:
        self.process, self._issuer, self._lms = process, issuer, lms

    def launch(self) -> Any:
        """Let ada launch the quiz; return the call, which goes on."""
        request = progress_pb2.LaunchActivityRequest(
            run_id=RUN, learner_id="ada", activity_id="quiz"
        )
        token = self._issuer.token("ada", ["learner"])
        stub = Stub(calling_with(self.process.channel(), lambda: token))
        return stub.LaunchActivity.future(request, timeout=DEADLINE)

    def launched(self) -> Unit:
        """Let ada launch the quiz."""
        return Unit(self._lms, self.launch().result())

    def fetch(self, unit: Unit) -> Json:
        """Call the fetch URL of a unit; the unit keeps the token."""
        parts = urlsplit(unit.asked["fetch"])
        answer = self._post(f"{parts.path}?{parts.query}")
        assert answer.status == 200
        found: Json = json.loads(answer.data)
        unit.token = found.get("auth-token", unit.token)
        return found

    def send(self, unit: Unit, statement: Json) -> int:
        """Send a statement as a unit, again where the server is busy; return the status."""
        headers = {
            "authorization": f"Basic {unit.token}",
            "x-experience-api-version": "1.0.3",
            "content-type": "application/json",
        }
        body = json.dumps(statement)

        def status() -> int:
            answer = self._post("/xapi/statements", body, headers)
            return 0 if answer.status == BUSY else answer.status

        found: int = eventually(status)
        return found

    def _post(
        self, target: str, body: str = "", headers: Mapping[str, str] | None = None
    ) -> urllib3.BaseHTTPResponse:
        url = f"{self.process.url()}{target}"
        return urllib3.request(
            "POST", url, body=body, headers=headers, retries=False, timeout=DEADLINE
        )


class Replicas:
    """Starts replicas, all on the database of a test."""

    def __init__(self, lms: Lms, stack: Mapping[str, str], folder: Path) -> None:
        self._lms, self._issuer = lms, Issuer()
        self._environment = {
            **stack,
            "TANDEM_MONGO_DATABASE": lms.database.mongo.name,
            "TANDEM_JWKS_URL": self._issuer.write_jwks(folder / "jwks.json"),
            "TANDEM_TOKEN_ISSUER": ISSUER,
            "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
            "TANDEM_XAPI_URL": BASE,
        }

    @contextmanager
    def one(self, mongo_url: str = "") -> Iterator[Replica]:
        """A replica, which reaches MongoDB by a URL; killed at the end."""
        url = {"TANDEM_MONGO_URL": mongo_url} if mongo_url else {}
        process = RoleProcess(["-m", "services.progress", "api"], {**self._environment, **url})
        try:
            yield Replica(process, self._issuer, self._lms)
        finally:
            process.kill()
