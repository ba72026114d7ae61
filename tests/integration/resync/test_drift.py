"""Drift: copies that differ from their originals are found and named, and a resync repairs them."""

import json
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from functools import partial
from typing import Any, cast

import grpc
import pytest
from click.testing import CliRunner
from prometheus_client import REGISTRY
from tandem.library.v1 import library_pb2
from tandem.notify.v1 import notify_pb2
from tandem.notify.v1.notify_pb2_grpc import NotifyServiceStub
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import resyncs_pb2

from campus import resync_command
from chassis.edge.methods import Servicer
from chassis.jobs.runner import Runner
from chassis.resync import comparing, digests
from chassis.resync.work import resyncing
from chassis.testing import running
from services.catalog.auditing import STUBS, compare_all
from services.catalog.copied import COPIES
from services.catalog.sources import SOURCES
from services.library.api import LibraryApi
from services.notify.api import NotifyApi
from services.sessions.api import SessionsApi
from services.sessions.sources import SOURCES as SESSIONS_SOURCES
from tests.integration.catalog.registry import refused
from tests.integration.notify.world import TEXTS
from tests.integration.resync.copying import Copying
from tests.integration.resync.university import LEARNERS, University


@pytest.fixture
def channels(copying: Copying) -> Iterator[dict[str, grpc.Channel]]:
    """Channels of an operator to the services, whose copies are whole."""
    university = University(copying.registry)
    for learner in LEARNERS:
        copying.registry.enrol(university.run.id, learner)
    copying.relay()
    for service in copying.copiers:
        copying.work_off(service)
    notify, sessions, library = (
        copying.copiers[name].database for name in ("notify", "sessions", "library")
    )
    keep = timedelta(days=1)
    its_api = LibraryApi(library, cast(Any, None), 1, keep, keep)
    services: dict[str, tuple[Any, Any, str, Any]] = {
        "notify": (NotifyApi(notify, TEXTS), notify_pb2, "NotifyService", notify),
        "sessions": (SessionsApi(sessions), sessions_pb2, "SessionsService", sessions),
        "library": (its_api, library_pb2, "LibraryService", library),
    }
    found = {"catalog": copying.registry.channel_for("olga", "operator")}
    with ExitStack() as stack:
        for service, what in services.items():
            found[service] = stack.enter_context(_serving(what))
        yield found


@contextmanager
def _serving(service: tuple[Any, Any, str, Any]) -> Iterator[grpc.Channel]:
    api, contract, name, database = service
    servicer = Servicer(api, contract.DESCRIPTOR.services_by_name[name], _no_relation)
    with running([servicer], database) as channel_for:
        yield channel_for("olga", "operator")


def _no_relation(*_: Any) -> Any:
    raise AssertionError


def stubs(channels: dict[str, grpc.Channel]) -> dict[str, Any]:
    return {name: STUBS[name](channel) for name, channel in channels.items()}


def found(channels: dict[str, grpc.Channel], keeper: str) -> dict[str, comparing.Drift]:
    """What differs at a service, by kind."""
    services = stubs(channels)
    return {
        each.kind: comparing.compare(each, services["catalog"], services[keeper], wait=0)
        for each in COPIES
        if each.keeper == keeper and each.owner == "catalog"
    }


@pytest.mark.parametrize("page", [2, 1_000])
def test_each_difference_is_named(
    copying: Copying,
    channels: dict[str, grpc.Channel],
    page: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A copy that is missing, one too many and one with another field, in pages of any size; whole
    copies have none; keys of two parts are compared, too.
    """
    monkeypatch.setattr(digests, "PAGE", page)
    for keeper in ("notify", "sessions"):
        result = found(channels, keeper)
        assert [each for each in result.values() if each.keys] == []
        assert result["people"].compared == len(LEARNERS)
    people = copying.copiers["notify"].database.mongo["people"]
    people.delete_one({"_id": LEARNERS[0]})
    people.insert_many([{"_id": "aaa"}, {"_id": "zzz"}])
    people.update_one({"_id": LEARNERS[2]}, {"$set": {"email": "another@example.edu"}})
    places = copying.copiers["sessions"].database.mongo["enrolments"]
    (place,) = places.find({"learner_id": LEARNERS[3]})
    places.update_one({"_id": place["_id"]}, {"$set": {"state": "WITHDRAWN"}})
    wrong = found(channels, "notify")["people"]
    assert (wrong.missing, wrong.surplus, wrong.different) == (
        [LEARNERS[0]],
        ["aaa", "zzz"],
        [LEARNERS[2]],
    )
    assert found(channels, "sessions")["places"].keys == [place["_id"]]


def test_what_is_on_its_way_is_no_drift(
    copying: Copying, channels: dict[str, grpc.Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """An event that arrives between the two looks makes its copy the same."""
    copying.registry.people("newcomer")

    def arrive(_: float) -> None:
        copying.relay()
        copying.work_off("notify")

    monkeypatch.setattr(comparing, "sleep", arrive)
    assert found(channels, "notify")["people"].keys == []


def test_the_commands_find_drift_and_repair_it(
    copying: Copying, channels: dict[str, grpc.Channel], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`tandem events drift` exits with 1 and names the copies; after `tandem events resync` of the
    subscription that it names, it exits with 0.
    """

    @contextmanager
    def reached(service: str, *_: Any) -> Iterator[grpc.Channel]:
        yield channels[service]

    monkeypatch.setattr(resync_command, "channel_to", reached)
    copying.copiers["notify"].lose()
    compare = ["--service", "notify", "--wait", "0", "--json"]
    result = CliRunner().invoke(resync_command.drift, compare)
    assert result.exit_code == 1, result.output
    text = result.stdout  # the servers of this process log to it, too
    told, _ = json.JSONDecoder().raw_decode(text, text.index("[\n"))
    assert {each["kind"]: each["missing"] for each in told}["people"] == LEARNERS
    for owner, name in sorted({(each["owner"], each["repaired_by"]) for each in told}):
        arguments = ["--from", owner, "--to", name, "--no-wait"]
        assert CliRunner().invoke(resync_command.resync, arguments).exit_code == 0
    jobs = resyncing("catalog", copying.amqp_url, SOURCES)
    assert Runner(copying.registry.database, jobs).run_due() == 2
    classes = resyncing("sessions", copying.amqp_url, SESSIONS_SOURCES)
    assert Runner(copying.copiers["sessions"].database, classes).run_due() == 1
    copying.work_off("notify")
    result = CliRunner().invoke(resync_command.drift, compare)
    assert result.exit_code == 0, result.output
    monkeypatch.setattr(resync_command, "LOOK_EVERY", 0)
    monkeypatch.setattr(
        resync_command,
        "sleep",
        lambda _: Runner(copying.registry.database, jobs).run_due(),
    )
    refusal = CliRunner().invoke(resync_command.resync, ["--to", "notify.triggers"])
    assert refusal.exit_code == 1
    assert "takes no resync" in refusal.output


def test_digests_refuse_unknown_kinds_and_fields(channels: dict[str, grpc.Channel]) -> None:
    """The faults say what there is; a key that nothing has is no fault."""
    notify = stubs(channels)["notify"]
    for asked in (
        resyncs_pb2.DigestCopiesRequest(kind="secrets"),
        resyncs_pb2.DigestCopiesRequest(kind="people", fields=["name", "$where", "password"]),
        resyncs_pb2.DigestCopiesRequest(kind="people", page_size=1_001),
    ):
        error = refused(partial(notify.DigestCopies, asked))
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    asked = resyncs_pb2.DigestCopiesRequest(kind="people", keys=["nobody", "a:b:c", ""])
    assert list(notify.DigestCopies(asked).rows) == []
    places = resyncs_pb2.DigestCopiesRequest(kind="places", keys=["nobody", "a:b:c", ""])
    assert list(stubs(channels)["catalog"].DigestCopies(places).rows) == []


def test_the_auditor_reports_drift_and_what_it_could_not_compare(
    copying: Copying, channels: dict[str, grpc.Channel]
) -> None:
    """A copy that is missing is counted until a round finds it again. A service that is away stops
    no other comparison, and what was reported of it stays.
    """
    kept = [each for each in COPIES if each.keeper in ("notify", "sessions")]
    services = stubs(channels)
    people = copying.copiers["notify"].database.mongo["people"]
    lost: Any = people.find_one_and_delete({"_id": LEARNERS[0]})
    assert compare_all(kept, services, wait=0)
    assert _reported("notify", "people") == {"missing": 1, "surplus": 0, "different": 0}
    assert _reported("sessions", "places") == {"missing": 0, "surplus": 0, "different": 0}
    people.insert_one(lost)
    with grpc.insecure_channel("127.0.0.1:1") as nowhere:
        away = services | {"notify": NotifyServiceStub(nowhere)}
        people.insert_one({"_id": "surplus"})
        places = copying.copiers["sessions"].database.mongo["enrolments"]
        places.delete_one({"learner_id": LEARNERS[1]})
        assert not compare_all(kept, away, wait=0)
    assert _reported("sessions", "places")["missing"] == 1
    assert _reported("notify", "people")["surplus"] == 0
    assert _reported("notify", "people")["missing"] == 1
    assert compare_all(kept, services, wait=0)
    assert _reported("notify", "people") == {"missing": 0, "surplus": 1, "different": 0}


def _reported(keeper: str, kind: str) -> dict[str, float | None]:
    labels = {"owner": "catalog", "keeper": keeper, "kind": kind}
    name = "tandem_catalog_copies_differing"
    return {
        how: REGISTRY.get_sample_value(name, labels | {"how": how})
        for how in ("missing", "surplus", "different")
    }
