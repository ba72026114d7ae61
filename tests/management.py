"""The broker's management API, for what AMQP can't do."""

import json
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit


def manage(
    stack: Mapping[str, str],
    method: str,
    path: str,
    body: Mapping[str, Any] | None = None,
    amqp_url: str = "",
) -> Any:
    """Ask for what is at `path` below /api/, as the user of an AMQP URL, by default the stack's."""
    asks = urlsplit(amqp_url or stack["TANDEM_AMQP_URL"])
    request = urllib.request.Request(
        f"{stack['TANDEM_AMQP_MANAGEMENT_URL']}/api/{path}",
        method=method,
        data=None if body is None else json.dumps(body).encode(),
    )
    token = b64encode(f"{asks.username}:{asks.password}".encode()).decode()
    request.add_header("Authorization", f"Basic {token}")
    request.add_header("Content-Type", "application/json")
    with urllib.request.urlopen(request, timeout=150) as answer:
        return json.loads(answer.read() or "null")
