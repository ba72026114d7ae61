"""Ralph, an LRS on FastAPI, pydantic and MongoDB, as a peer: its own environment and settings.

`python -m bench` installs it from bench/ralph.lock into .venv-ralph when it is measured for the
first time.
"""

import json
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench import environments, rig
from bench.xapi_callers import Lrs
from campus.stack.ports import HOST, Ports
from chassis.data.store import connect

USER, PASSWORD = "bench", "bench"
PATIENCE = 60.0


@contextmanager
def serving(database: str) -> Iterator[Lrs]:
    """Ralph's server in one process, as ours, with its asynchronous MongoDB backend, on an empty
    database.

    It looks for the ids of what it is sent, and makes no index for that; so it gets one.
    """
    python = environments.python_of("ralph")
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(database)
        client[database]["statements"].create_index("_source.id", unique=True)
    port = Ports(rig.FOLDER / "ralph.json").claim("http")["http"]
    url = f"http://{HOST}:{port}"
    settings = {
        "RALPH_AUTH_FILE": str(_credentials(python)),
        "RALPH_RUNSERVER_BACKEND": "async_mongo",
        "RALPH_BACKENDS__LRS__MONGO__CONNECTION_URI": rig.environment()["TANDEM_MONGO_URL"],
        "RALPH_BACKENDS__LRS__MONGO__DEFAULT_DATABASE": database,
        "RALPH_BACKENDS__LRS__MONGO__DEFAULT_COLLECTION": "statements",
    }
    command = [
        str(python),
        "-m",
        "uvicorn",
        "ralph.api:app",
        "--host",
        HOST,
        "--port",
        str(port),
        "--log-level",
        "warning",
    ]
    with rig.command(command, settings):
        _wait(f"{url}/__heartbeat__")
        yield Lrs(f"{url}/xAPI/statements/", USER, PASSWORD)


def _credentials(python: Path) -> Path:
    """Write the file of Ralph's users; its own command makes the hash."""
    file = rig.FOLDER / "ralph-auth.json"
    code = f"import bcrypt; print(bcrypt.hashpw({PASSWORD.encode()!r}, bcrypt.gensalt()).decode())"
    done = subprocess.run([str(python), "-c", code], capture_output=True, text=True, check=True)
    user = {
        "username": USER,
        "hash": done.stdout.strip(),
        "agent": {"mbox": "mailto:bench@example.edu"},
        "scopes": ["all"],
    }
    file.write_text(json.dumps([user]))
    return file.absolute()


def _wait(url: str) -> None:
    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                if answer.status == 200:
                    return
        except (urllib.error.URLError, OSError):
            if time.monotonic() > deadline:
                raise
        time.sleep(0.2)
