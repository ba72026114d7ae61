"""The operations' server."""

import json
import urllib.request

import pytest

from chassis.operations import ops


@pytest.mark.parametrize("host", ["127.0.0.1", "[::1]"])
def test_it_listens_where_it_is_told(host: str) -> None:
    """Addresses of both versions of IP work."""
    server = ops.serve(f"{host}:0", lambda: {"all": True})
    with urllib.request.urlopen(f"http://{host}:{server.port}/ready", timeout=10) as answer:
        assert json.load(answer) == {"all": True}
    server.close()
