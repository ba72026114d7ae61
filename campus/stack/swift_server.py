"""Swift's proxy, account, container and object server in one process.

Run as `python -m campus.stack.swift_server <folder>`, where the folder holds `ports.json` and
`credentials.json`. The four servers are WSGI applications on one eventlet hub, each on its own
port, as in Swift's in-process functional tests. This takes a quarter of the memory of four
processes, and there is only one process to supervise.

Swift's proxy uses memcached to cache what it knows about accounts and buckets. Here a filter puts
`swift_plugins.MemoryCache`, a dictionary of this process, into each request as `swift.cache`. This
is correct only while a single proxy process serves all requests.
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
    """Write the configuration, and serve until the process is stopped."""
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
    """Make Swift read this file: at its import, it read /etc/swift instead."""
    utils.SWIFT_CONF_FILE = str(swift_conf)
    utils.validate_configuration()
    storage_policy.reload_storage_policies()
    constraints.reload_constraints()


def _serve(name: str, file: Path, listener: socket.socket) -> None:
    """Serve one application. Swift's own `run_server` would block the hub for the other three."""
    app, _, _, _ = init_request_processor(str(file), f"{name}-server")
    # As in run_server: otherwise a response's body waits 40 ms until its head is acknowledged.
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    eventlet.wsgi.server(
        listener,
        app,
        log=utils.NullLogger(),
        protocol=SwiftHttpProtocol,
        custom_pool=eventlet.GreenPool(1024),
        capitalize_response_headers=False,  # AWS's clients expect `ETag`, not `Etag`
        url_length_limit=constraints.MAX_REQUEST_LINE,
    )


if __name__ == "__main__":
    main(Path(sys.argv[1]))
