"""Who may call, by the option in the contract."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest
from google.protobuf import descriptor_pb2, descriptor_pool
from google.protobuf.message import Message
from hypothesis import given
from hypothesis import strategies as st
from tandem.catalog.v1 import catalog_pb2
from tandem.library.v1 import library_pb2
from tandem.options.v1 import options_pb2

from chassis.context.principal import Principal
from chassis.edge.access import Access, Relation, UndeclaredAccess, access_of
from chassis.edge.methods import Servicer, contracts_of
from chassis.errors import PermissionDenied
from chassis.staff import StaffMember, StaffRole

ACCESS = Access(roles=frozenset({"registrar"}), own="person_id")
REQUEST = catalog_pb2.GetPersonRequest(person_id="ada")
STAFFED = Access(staff=StaffRole.ASSISTANT, about="run_ids")
EVE = Principal("eve", frozenset({"instructor"}))
TWO_RUNS = library_pb2.StartUploadRequest(run_ids=["r1", "r2"])


def nobody(_person_id: str, _about: str, _value: Any) -> Relation:
    """Nobody is anything to anything."""
    return Relation()


def unasked(_person_id: str, _about: str, _value: Any) -> Relation:
    """A caller who is let in anyway: the database need not answer."""
    raise AssertionError("the relation was asked for")


@pytest.mark.parametrize(
    "principal",
    [Principal("eve", frozenset({"registrar"})), Principal("ada", frozenset())],
)
def test_a_role_or_the_own_id_passes(principal: Principal) -> None:
    """One of the roles suffices, and so does being the person that the request names."""
    assert ACCESS.check(principal, REQUEST, unasked) is None


@pytest.mark.parametrize(
    ("principal", "person"),
    [
        (Principal("eve", frozenset({"learner"})), "ada"),
        (Principal("ada", frozenset()), ""),
        (Principal("", frozenset()), ""),
        (Principal("ada", frozenset()), "ADA"),
    ],
)
def test_anyone_else_is_denied(principal: Principal, person: str) -> None:
    """Another id, an empty one and an empty subject don't pass."""
    with pytest.raises(PermissionDenied):
        ACCESS.check(principal, catalog_pb2.GetPersonRequest(person_id=person), unasked)


def check(access: Access, relation: Relation, request: Message = TWO_RUNS) -> Any:
    """The runs to which Eve is limited; None for no limit, "denied" where she may not call."""
    try:
        runs = access.check(EVE, request, lambda *_: relation)
    except PermissionDenied:
        return "denied"
    return None if runs is None else set(runs)


def staff(
    roles: Mapping[str, StaffRole | None],
    learner_in: frozenset[str] = frozenset(),
    groups: tuple[str, ...] = (),
) -> Relation:
    """Eve as staff of some runs, or of some groups of each."""
    members = {
        run_id: StaffMember(person_id="eve", role=role, group_ids=groups) if role else None
        for run_id, role in roles.items()
    }
    return Relation(members, learner_in)


@pytest.mark.parametrize(
    ("roles", "passes"),
    [
        ({"r1": StaffRole.ASSISTANT, "r2": StaffRole.TEACHER}, True),
        ({"r1": StaffRole.OBSERVER, "r2": StaffRole.TEACHER}, False),
        ({"r1": None, "r2": StaffRole.TEACHER}, False),
        ({"r1": None, "r2": None}, False),
    ],
)
def test_staff_call_for_runs_that_are_all_theirs(
    roles: dict[str, StaffRole | None], passes: bool
) -> None:
    """In each run that the request names, the caller needs the least role."""
    assert check(STAFFED, staff(roles)) == ({"r1", "r2"} if passes else "denied")


def test_a_request_that_names_no_run_is_cut_to_the_callers() -> None:
    """Staff of some run call; the answer has only runs where their role suffices."""
    none = library_pb2.StartUploadRequest()
    roles = {"r1": StaffRole.OBSERVER, "r2": StaffRole.TEACHER}
    assert check(STAFFED, staff(roles), none) == {"r2"}
    assert check(STAFFED, staff({"r1": StaffRole.OBSERVER}), none) == "denied"
    assert check(STAFFED, Relation(), none) == "denied"


def test_learners_call_where_the_contract_says_so() -> None:
    """A learner of the runs passes; with staff it is either."""
    both = staff({"r1": None, "r2": StaffRole.TEACHER}, frozenset({"r1"}))
    learners = Access(staff=StaffRole.OBSERVER, learners=True, about="run_ids")
    assert check(learners, both) == {"r1", "r2"}
    assert check(STAFFED, both) == "denied"


def test_staff_of_groups_call_where_the_contract_says_so() -> None:
    """Where answers are cut to groups they call, limited to theirs; elsewhere they are no staff.
    A learner of the run is not limited by being staff of a group there.
    """
    cut = Access(staff=StaffRole.OBSERVER, learners=True, about="run_ids", groups=True)
    tutor = staff({"r1": StaffRole.TEACHER, "r2": StaffRole.TEACHER}, groups=("g1",))
    assert check(STAFFED, tutor) == "denied"
    runs = cut.check(EVE, TWO_RUNS, lambda *_: tutor)
    assert runs == {"r1": {"g1"}, "r2": {"g1"}}
    both = Relation(tutor.staff, frozenset({"r2"}))
    assert cut.check(EVE, TWO_RUNS, lambda *_: both) == {"r1": {"g1"}, "r2": frozenset()}


def test_a_limited_principal_reaches_its_groups_only() -> None:
    """What is for the whole run is within the limits of who is limited to no group there."""
    eve = replace(EVE, runs={"r1": frozenset(), "r2": {"g1", "g2"}})
    assert eve.reaches("r1", ())
    assert eve.reaches("r1", ("g9",))
    assert EVE.reaches("r9", ())
    assert eve.reaches("r2", ("g2", "g9"))
    assert not eve.reaches("r2", ())
    assert not eve.reaches("r2", ("g9",))
    assert not eve.reaches("r9", ("g1",))


def test_an_owner_calls_where_the_contract_says_so() -> None:
    """Who began it has no limit; with a rule that says nothing of owners it counts nothing."""
    owned = library_pb2.GetUploadRequest(upload_id="u")
    owner = Access(owner=True, about="upload_id")
    assert check(owner, Relation(is_owner=True), owned) is None
    assert check(owner, Relation(), owned) == "denied"
    staffed = Access(staff=StaffRole.OBSERVER, about="upload_id")
    assert check(staffed, Relation(is_owner=True), owned) == "denied"


@given(
    st.dictionaries(st.sampled_from("abc"), st.sampled_from([None, *StaffRole]), max_size=3),
    st.sampled_from(StaffRole),
    st.booleans(),
)
def test_nobody_gets_a_run_without_the_least_role(
    roles: dict[str, StaffRole | None], least: StaffRole, named: bool
) -> None:
    """Whatever the roles are: each run that is answered is one where the role suffices."""
    request = library_pb2.StartUploadRequest(run_ids=roles if named else [])
    order = list(StaffRole)
    found = check(Access(staff=least, about="run_ids"), staff(roles), request)
    right = {run for run, role in roles.items() if role and order.index(role) >= order.index(least)}
    refused = not right or (named and right != roles.keys())
    assert found == ("denied" if refused else right)


def test_a_nameless_caller_is_nobodys_staff() -> None:
    """A token without subject is related to nothing."""
    with pytest.raises(PermissionDenied):
        STAFFED.check(Principal("", frozenset()), TWO_RUNS, unasked)


def test_the_contract_is_read() -> None:
    """Roles are the option's, in lower case; `own` and `about` are names of fields."""
    methods = catalog_pb2.DESCRIPTOR.services_by_name["CatalogService"].methods_by_name
    office = frozenset({"registrar", "service"})
    assert access_of(methods["Enrol"]) == Access(roles=office, own="learner_id")
    assert access_of(methods["PublishPath"]) == Access(
        roles=office, staff=StaffRole.TEACHER, about="run_id"
    )


def method_with(access: options_pb2.Access | None, streams: str = "") -> Any:
    """A method of a contract made here."""
    file = descriptor_pb2.FileDescriptorProto(name="made.proto", package="made", syntax="proto3")
    file.message_type.add(name="Ask").field.add(
        name="run_id",
        number=1,
        type=descriptor_pb2.FieldDescriptorProto.TYPE_STRING,
        label=descriptor_pb2.FieldDescriptorProto.LABEL_OPTIONAL,
    )
    method = file.service.add(name="Made").method.add(
        name="Do",
        input_type=".made.Ask",
        output_type=".made.Ask",
        client_streaming=streams == "requests",
        server_streaming=streams == "answers",
    )
    if access is not None:
        method.options.Extensions[options_pb2.access].CopyFrom(access)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool.FindServiceByName("made.Made").methods_by_name["Do"]


@pytest.mark.parametrize(
    "access",
    [
        None,
        options_pb2.Access(),
        options_pb2.Access(about="run_id"),
        options_pb2.Access(roles=[options_pb2.ROLE_UNSPECIFIED]),
        options_pb2.Access(own="nobody"),
        options_pb2.Access(staff=options_pb2.STAFF_ROLE_TEACHER, about="nothing"),
    ],
)
def test_an_rpc_that_does_not_say_who_may_call_is_not_served(
    access: options_pb2.Access | None,
) -> None:
    """No option, an empty one, or one that names no field of the request is refused."""
    with pytest.raises(UndeclaredAccess):
        access_of(method_with(access))


def test_a_service_that_cannot_tell_relations_does_not_start() -> None:
    """Nor does one with a stream of requests whose access depends on a run; a stream of answers has
    one request.
    """
    by_run = options_pb2.Access(staff=options_pb2.STAFF_ROLE_TEACHER, about="run_id")

    class Made:
        Do = None

    unary = method_with(by_run).containing_service
    assert contracts_of([Servicer(Made, unary, nobody)])
    with pytest.raises(UndeclaredAccess, match="can't tell relations"):
        contracts_of([Servicer(Made, unary)])
    answers = method_with(by_run, streams="answers").containing_service
    assert contracts_of([Servicer(Made, answers, nobody)])
    requests = method_with(by_run, streams="requests").containing_service
    with pytest.raises(UndeclaredAccess, match="stream"):
        contracts_of([Servicer(Made, requests, nobody)])
