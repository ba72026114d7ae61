"""What is in the images. On request (`make images-check`), for it builds them: some minutes.

Built by the same Dockerfile and script as for users, on a base that stands in for the public one.
"""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from campus.platform import JOBS, ROLES

ROOT = Path(__file__).resolve().parents[2]
BASE = "tandem-stand-in"
SELF_CHECK = """
import importlib, pkgutil, sys
names = [
    each.name
    for package in ("chassis", "services", "tandem")
    for each in pkgutil.walk_packages(importlib.import_module(package).__path__, package + ".")
    if not each.name.endswith("__main__")
]
for name in names:
    importlib.import_module(name)
print(len(names), importlib.import_module("chassis.operations.metrics").build())
"""


class Buildah:
    """buildah with a storage of its own, which ends with the tests."""

    def __init__(self, folder: Path) -> None:
        self.command = [
            "buildah",
            *("--storage-driver", "vfs"),
            *("--root", str(folder / "storage")),
            *("--runroot", str(folder / "run")),
        ]

    def __call__(self, *words: str) -> str:
        """Return the output of a command. Raises AssertionError with its output if it fails."""
        done = self.tried(*words)
        assert done.returncode == 0, f"{words}: {done.stderr[-3000:]}"
        return done.stdout.strip()

    def tried(self, *words: str) -> "subprocess.CompletedProcess[str]":
        """The result of a command."""
        return subprocess.run([*self.command, *words], capture_output=True, text=True, check=False)


class Container:
    """The built root of an image, in which its user runs programs."""

    def __init__(self, buildah: Buildah, image: str) -> None:
        self._buildah = buildah
        self.about: dict[str, Any] = json.loads(buildah("inspect", "--type", "image", image))
        self.name = buildah("from", image)
        self.root = Path(buildah("mount", self.name))

    def run(self, *command: str) -> str:
        """Return the output of a command."""
        return self._buildah(*self._running(*command))

    def tried(self, *command: str) -> "subprocess.CompletedProcess[str]":
        """The result of a command."""
        return self._buildah.tried(*self._running(*command))

    def _running(self, *command: str) -> list[str]:
        return ["run", "--isolation", "chroot", self.name, "--", *command]

    def paths(self) -> set[str]:
        """Every path in it."""
        return {str(path.relative_to(self.root)) for path in self.root.rglob("*")}


@pytest.fixture(scope="session")
def buildah(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Buildah]:
    """The builder, with the base in its storage."""
    folder = tmp_path_factory.mktemp("images")
    buildah = Buildah(folder)
    _make_base(buildah, folder / "base")
    yield buildah
    buildah("rm", "--all")
    buildah("rmi", "--all", "--force")


def _make_base(buildah: Buildah, root: Path) -> None:
    """Debian with Python, by what this machine itself installs from."""
    targets = ["apt-get", "indextargets", "--format", "$(REPO_URI)"]
    mirror = subprocess.run(targets, capture_output=True, text=True, check=True).stdout.split()[0]
    include = "--include=python3,python3-venv"
    command = ["debootstrap", "--variant=minbase", include, "bookworm", str(root), mirror]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    container = buildah("from", "scratch")
    buildah("add", container, str(root), "/")
    buildah("commit", container, BASE)


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The locked wheels, downloaded once by this machine's own pip."""
    folder = tmp_path_factory.mktemp("wheels")
    pip = [sys.executable, "-m", "pip", "download", "-q", "--only-binary", ":all:"]
    # The library's and the tools' have what the others have, and more.
    locks = [f"deploy/images/{name}.lock" for name in ("library", "tools")]
    for lock in (*locks, "timetabler/requirements.lock"):
        locked = ["--require-hashes", "-r", str(ROOT / lock), "-d", str(folder)]
        subprocess.run([*pip, *locked], check=True)
    (folder / "pip.conf").write_text("[global]\nno-index = true\nfind-links = /wheels\n")
    return folder


@pytest.fixture(scope="session", params=ROLES)
def service(request: pytest.FixtureRequest) -> str:
    """Each service in turn."""
    return str(request.param)


Build = Callable[[str], Container]


@pytest.fixture(scope="session")
def build(buildah: Buildah, wheels: Path) -> Build:
    """Builds an image as a user builds it."""
    options = [
        *("--isolation", "chroot"),
        *("--secret", f"id=pip,src={wheels / 'pip.conf'}"),
        *("--volume", f"{wheels}:/wheels:ro"),
        "--format=docker",  # the only one that has health checks
    ]
    environment = {
        "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
        "BUILDER": " ".join(buildah.command),
        "OPTIONS": " ".join(options),
        "BASE": BASE,
    }

    def built(name: str) -> Container:
        command = [str(ROOT / "deploy" / "images" / "build.sh"), name]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        (image,) = (
            image
            for image in buildah("images", "--format", "{{.Name}}:{{.Tag}}").split()
            if f"tandem-{name}:" in image
        )
        return Container(buildah, image)

    return built


@pytest.fixture(scope="session")
def container(service: str, build: Build) -> Container:
    """A service's image."""
    return build(service)


def test_the_demo_datas_image_says_what_it_lacks(build: Build) -> None:
    """The container starts, and names the settings that are missing."""
    done = build("demo-data").tried("/app/service")
    assert done.returncode == 78, done.stderr
    assert "TANDEM_TOKEN_FILE" in done.stderr


def test_the_tools_image_has_the_command(build: Build) -> None:
    """Every part of it can be imported, and it says which server it lacks; it writes nothing."""
    container = build("tools")
    before = container.paths()
    groups = container.run("python", "-c", "from campus.cli import MODULES; print(*MODULES)")
    for group in groups.split():
        assert "Usage:" in container.run("/app/service", group, "--help")
    done = container.tried("/app/service", "consumers", "replay", "lti", "--since", "2026-03-01")
    assert done.returncode == 1, done.stderr
    assert "tandem:" in done.stderr
    assert container.paths() == before


def test_the_solvers_image_has_both_environments(build: Build) -> None:
    """The role's, by which it says what it lacks; and the solver's, which solves a problem."""
    container = build("sessions-solver")
    done = container.tried("/app/service", "solver")
    assert done.returncode == 78, done.stderr
    assert "TANDEM_MONGO_URL" in done.stderr
    asked = {
        "days": 1,
        "periods": 1,
        "rooms": [{"id": "R", "capacity": 1}],
        "courses": [{"id": "a", "teacher": "t", "lectures": 1}],
    }
    script = f"echo '{json.dumps(asked)}' | /app/.venv-timetabler/bin/python -m timetabler"
    result = json.loads(container.run("sh", "-c", script).splitlines()[-1])["result"]
    assert result["classes"] == [{"course": "a", "room": "R", "day": 0, "period": 0}]


def test_every_role_explains_itself(service: str, container: Container) -> None:
    """`--help` by the image's own program, which names each role."""
    text = container.run("/app/service", "--help")
    assert text.startswith(f"usage: python -m services.{service} ")
    for role in (*ROLES[service], *JOBS):
        assert role in text


def test_a_role_without_settings_says_what_it_lacks(service: str, container: Container) -> None:
    """It ends with its own code, so what it needs to say that is there."""
    for role in ROLES[service]:
        done = container.tried("/app/service", role)
        assert done.returncode == 78, done.stderr
        assert "TANDEM_MONGO_URL" in done.stderr


def test_all_of_it_can_be_imported(service: str, container: Container) -> None:
    """Every module of ours, by the image's Python; and it knows its version."""
    modules, version = container.run("python", "-W", "ignore", "-c", SELF_CHECK).split()
    assert int(modules) > 30
    assert container.about["Docker"]["config"]["Labels"]["org.opencontainers.image.version"] == (
        version
    )


def test_running_it_writes_nothing(container: Container) -> None:
    """So its root file system may be read-only."""
    before = container.paths()
    container.run("python", "-W", "ignore", "-c", SELF_CHECK)
    container.run("/app/service", "--help")
    assert container.paths() == before


def test_it_runs_as_nobody_and_says_how_it_does(container: Container) -> None:
    """User, program, stop signal, health check and ports."""
    config = container.about["Docker"]["config"]
    assert config["User"] == "65532:65532"
    assert config["Entrypoint"] == ["/app/service"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"] == ["CMD", "python", "-m", "chassis.operations.probe"]
    assert set(config["ExposedPorts"]) == {"9464/tcp", "50051/tcp", "8080/tcp"}


def test_it_holds_its_service_and_nothing_else(service: str, container: Container) -> None:
    """No other service, no tests, no compiler, no pip, nothing of the build; all of it root's."""
    services = {path.name for path in (container.root / "app/services").iterdir() if path.is_dir()}
    assert services - {"__pycache__"} == {service}
    for absent in ("build", "pip", "wheels/pip.conf", "app/tests", "app/campus", "venv/bin/pip"):
        assert not (container.root / absent).exists(), absent
    assert not list((container.root / "usr/bin").glob("*gcc*"))
    ours = [*(container.root / "app").rglob("*"), *(container.root / "venv").rglob("*")]
    assert [path for path in ours if path.lstat().st_uid != 0] == []


LARGEST = 200_000_000
LARGEST_LIBRARY = 320_000_000  # it has FFmpeg's libraries


def test_it_is_small(service: str, container: Container) -> None:
    """The bytes that our layers add to the base are few."""
    sizes = {
        part: sum(
            path.lstat().st_size for path in (container.root / part).rglob("*") if path.is_file()
        )
        for part in ("app", "venv")
    }
    print(
        f"\n{service}: " + ", ".join(f"{part} {size / 1e6:.1f} MB" for part, size in sizes.items())
    )
    assert all(sizes.values())
    assert sum(sizes.values()) < (LARGEST_LIBRARY if service == "library" else LARGEST)
