"""Swift's proxy, account, container and object server in one process.

Run as `python -m campus.stack.swift_server <folder>`, where the folder holds `ports.json` and
`credentials.json`. The four servers are WSGI applications on one eventlet hub, each on a port of
its own, as Swift's own in-process functional tests have them: a quarter of the memory of four
processes and one thing to supervise.

Memcached, which Swift's proxy uses to remember what it learned of accounts and buckets, is stood
in for by `swift_plugins.MemoryCache`, a dictionary within this process put into each request as
`swift.cache` by a filter. It is right only as long as a single proxy process serves all requests.
"""

import json
import socket
import sys
from pathlib import Path

import eventlet
import eventlet.wsgi
from swift.common import constraints, storage_policy, utils
from swift.common.http_protocol import SwiftHttpProtocol
from swift.common.wsgi import init_request_processor

from campus.stack import swift_config
from campus.stack.ports import HOST
from campus.stack.swift import Credentials


def main(home: Path) -> None:
    """Write the configuration and serve until the process is ended."""
    utils.monkey_patch()
    ports = json.loads((home / "ports.json").read_text())
    credentials = Credentials(**json.loads((home / "credentials.json").read_text()))
    files = swift_config.write(home, ports, credentials)
    _adopt(home / "swift.conf")
    # All listen before any serves, so that the proxy's first request finds the other three.
    listeners = {name: eventlet.listen((HOST, port)) for name, port in ports.items()}
    servers = eventlet.GreenPool()
    for name, file in files.items():
        servers.spawn(_serve, name, file, listeners[name])
    servers.waitall()


def _adopt(swift_conf: Path) -> None:
    """Make Swift read its settings here: it looked in /etc/swift when it was imported."""
    utils.SWIFT_CONF_FILE = str(swift_conf)
    utils.validate_configuration()
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()


def _serve(name: str, file: Path, listener: socket.socket) -> None:
    """Serve one application; Swift's own `run_server` would take the hub from the other three."""
    app, _, _, _ = init_request_processor(str(file), f"{name}-server")
    # As run_server sets it: an answer's body must not wait 40 ms for its head to be acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    eventlet.wsgi.server(
        listener,
        app,
        log=utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        custom_pool=eventlet.GreenPool(1024),
        capitalize_response_headers=False,  # AWS's clients want `ETag`, not `Etag`
        url_length_limit=constraints.MAX_REQUEST_LINE,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
