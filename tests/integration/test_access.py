"""Who may call what: every RPC of every service, through its real api process.

The table is written by hand. It must agree with the options in the contracts: a change of only
one of them fails.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import grpc
import pytest
from tandem.options.v1 import options_pb2

from campus.platform import ROLES
from chassis.testing import Issuer
from tests.integration import access_runs
from tests.integration.access_runs import (
    ENDED,
    GROUP,
    GUEST,
    OTHER,
    OTHER_GROUP,
    OWN,
    TUTOR,
    UNKNOWN,
    UPLOADER,
    about,
)
from tests.integration.rpcs import ALL, NONE, ProcessOf, Rpc, api_processes

LEARNER, INSTRUCTOR, REGISTRAR, SERVICE, OPERATOR = EVERY_ROLE = (
    "learner",
    "instructor",
    "registrar",
    "service",
    "operator",
)
OBSERVER, ASSISTANT, TEACHER = EVERY_STAFF_ROLE = ("observer", "assistant", "teacher")
OFFICE = {REGISTRAR, SERVICE}
EVERYONE = {LEARNER, INSTRUCTOR, REGISTRAR, SERVICE}
PERSON, LEARNER_ID, READER_ID = "person_id", "learner_id", "reader_id"
RUN, RUNS, SESSION, UPLOAD, NOTHING = "run_id", "run_ids", "session_id", "upload_id", ""
CATCH_UP, ITEM, FEED, SERIES = "catch_up_id", "item_id", "feed_id", "series_id"
POLL, CREDENTIAL = "poll_id", "credential_id"
QUESTION = "question_id"


class Rule(NamedTuple):
    """Who may call an RPC; each column lets callers in."""

    roles: set[str]
    """Roles of the token, for anyone and in any run."""
    own: str = ""
    """The field by which others call for themselves."""
    staff: str = ""
    """Staff of the run, from this role on."""
    about: str = ""
    """The field that tells the run; without one the answer is cut to the caller's runs."""
    learners: bool = False
    """Learners of the run."""
    owned: str = ""
    """The field that names what the caller began, which nobody else may go on with."""
    owner: bool = False
    """Who began what `about` names, beside the staff."""
    groups: bool = False
    """Staff of groups of the run, to whose groups the answer, or the command, is cut."""
    placed: bool = False
    """Of the learners only those with a place."""


TABLE: dict[str, Rule] = {
    "catalog.CatalogService.BatchUpsertPeople": Rule(OFFICE),
    "catalog.CatalogService.GetPerson": Rule(OFFICE, PERSON, OBSERVER, PERSON),
    "catalog.CatalogService.RetirePerson": Rule(OFFICE),
    "catalog.CatalogService.CreateCourse": Rule(OFFICE),
    "catalog.CatalogService.UpdateCourse": Rule(OFFICE),
    "catalog.CatalogService.RetireCourse": Rule(OFFICE),
    "catalog.CatalogService.GetCourse": Rule(EVERYONE),
    "catalog.CatalogService.ListCourses": Rule(EVERYONE),
    "catalog.CatalogService.OpenRun": Rule(OFFICE),
    "catalog.CatalogService.UpdateRun": Rule(OFFICE),
    "catalog.CatalogService.SetRunStaff": Rule(OFFICE),
    "catalog.CatalogService.CloseRun": Rule(OFFICE),
    "catalog.CatalogService.ReopenRun": Rule(OFFICE),
    "catalog.CatalogService.GetRun": Rule(EVERYONE),
    "catalog.CatalogService.ListRuns": Rule(EVERYONE),
    "catalog.CatalogService.PublishPath": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.GetPath": Rule(EVERYONE),
    "catalog.CatalogService.Enrol": Rule(OFFICE, LEARNER_ID),
    "catalog.CatalogService.BatchEnrol": Rule(OFFICE),
    "catalog.CatalogService.Withdraw": Rule(OFFICE, LEARNER_ID),
    "catalog.CatalogService.ChangeMode": Rule(OFFICE, LEARNER_ID),
    "catalog.CatalogService.ListEnrolments": Rule(OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True),
    "catalog.CatalogService.CreateGroup": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.UpdateGroup": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.RetireGroup": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.AssignGroup": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.ListGroups": Rule(EVERYONE),
    "catalog.CatalogService.ExtendDue": Rule(OFFICE, "", TEACHER, RUN, groups=True),
    "catalog.CatalogService.SetPreference": Rule(OFFICE, LEARNER_ID),
    "catalog.CatalogService.GetPreference": Rule(OFFICE, LEARNER_ID),
    "catalog.CatalogService.AdviseDelivery": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.AcceptAdvice": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.GetDraftPath": Rule(OFFICE, "", TEACHER, RUN),
    "catalog.CatalogService.StartImport": Rule(OFFICE),
    "catalog.CatalogService.AppendImport": Rule(OFFICE),
    "catalog.CatalogService.GetImport": Rule(OFFICE),
    "catalog.CatalogService.ConfirmImport": Rule(OFFICE),
    "catalog.CatalogService.ListImportRows": Rule(OFFICE),
    "catalog.CatalogService.Republish": Rule({OPERATOR, SERVICE}),
    "catalog.CatalogService.GetResync": Rule({OPERATOR, SERVICE}),
    "catalog.CatalogService.DigestCopies": Rule({OPERATOR, SERVICE}),
    "sessions.SessionsService.Republish": Rule({OPERATOR, SERVICE}),
    "sessions.SessionsService.GetResync": Rule({OPERATOR, SERVICE}),
    "library.LibraryService.Republish": Rule({OPERATOR, SERVICE}),
    "library.LibraryService.GetResync": Rule({OPERATOR, SERVICE}),
    "library.LibraryService.DigestCopies": Rule({OPERATOR, SERVICE}),
    "sessions.SessionsService.DigestCopies": Rule({OPERATOR, SERVICE}),
    "progress.ProgressService.DigestCopies": Rule({OPERATOR, SERVICE}),
    "notify.NotifyService.DigestCopies": Rule({OPERATOR, SERVICE}),
    "library.LibraryService.StartUpload": Rule(OFFICE, "", ASSISTANT, RUNS),
    "library.LibraryService.GetUpload": Rule(OFFICE, owned=UPLOAD),
    "library.LibraryService.CompleteUpload": Rule(OFFICE, owned=UPLOAD),
    "library.LibraryService.AbortUpload": Rule(OFFICE, owned=UPLOAD),
    "library.LibraryService.GetItem": Rule(EVERYONE),
    "library.LibraryService.ListItems": Rule(EVERYONE),
    "library.LibraryService.SearchItems": Rule(EVERYONE),
    "library.LibraryService.UpdateItem": Rule(OFFICE, "", ASSISTANT, ITEM, owner=True),
    "library.LibraryService.RetireItem": Rule(OFFICE, "", TEACHER, ITEM, owner=True),
    "library.LibraryService.GetProcessing": Rule(EVERYONE),
    "library.LibraryService.GetReadUrl": Rule(OFFICE, READER_ID),
    "library.LibraryService.GetPlaylistUrl": Rule(OFFICE, READER_ID),
    "library.LibraryService.BuildOfflinePack": Rule(OFFICE, READER_ID),
    "library.LibraryService.GetOfflinePack": Rule(OFFICE, READER_ID),
    "library.LibraryService.SetRunQuota": Rule(OFFICE),
    "library.LibraryService.GetRunUsage": Rule(OFFICE, "", OBSERVER, RUN),
    "library.LibraryService.CreateFeed": Rule(OFFICE, READER_ID),
    "library.LibraryService.RevokeFeed": Rule(OFFICE, owned=FEED),
    "library.LibraryService.ListFeeds": Rule(OFFICE, READER_ID),
    "sessions.SessionsService.CreateRoom": Rule(OFFICE),
    "sessions.SessionsService.UpdateRoom": Rule(OFFICE),
    "sessions.SessionsService.RetireRoom": Rule(OFFICE),
    "sessions.SessionsService.ListRooms": Rule(EVERYONE),
    "sessions.SessionsService.ScheduleSession": Rule(OFFICE, "", TEACHER, RUN, groups=True),
    "sessions.SessionsService.MoveSession": Rule(OFFICE, "", TEACHER, SESSION),
    "sessions.SessionsService.CancelSession": Rule(OFFICE, "", TEACHER, SESSION),
    "sessions.SessionsService.ScheduleSeries": Rule(OFFICE, "", TEACHER, RUN, groups=True),
    "sessions.SessionsService.MoveSeries": Rule(OFFICE, "", TEACHER, SERIES),
    "sessions.SessionsService.CancelSeries": Rule(OFFICE, "", TEACHER, SERIES),
    "sessions.SessionsService.GetSeries": Rule(OFFICE, "", OBSERVER, SERIES, learners=True),
    "sessions.SessionsService.PlanRotation": Rule(OFFICE, "", TEACHER, SERIES),
    "sessions.SessionsService.FindSlots": Rule(OFFICE, "", TEACHER, RUN, groups=True),
    "sessions.SessionsService.ListClashes": Rule(OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True),
    "sessions.SessionsService.SolveTimetable": Rule(OFFICE),
    "sessions.SessionsService.GetTimetable": Rule(OFFICE),
    "sessions.SessionsService.ApplyTimetable": Rule(OFFICE),
    "sessions.SessionsService.CancelTimetable": Rule(OFFICE),
    "sessions.SessionsService.GetSession": Rule(OFFICE, "", OBSERVER, SESSION, learners=True),
    "sessions.SessionsService.ListSessions": Rule(
        OFFICE, "", OBSERVER, RUN, learners=True, groups=True
    ),
    "sessions.SessionsService.ChooseSeat": Rule(OFFICE, LEARNER_ID, ASSISTANT, SESSION),
    "sessions.SessionsService.OfferSeat": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.AnswerOffer": Rule(OFFICE, LEARNER_ID, ASSISTANT, SESSION),
    "sessions.SessionsService.ListSeats": Rule(OFFICE, LEARNER_ID, OBSERVER, SESSION),
    "sessions.SessionsService.RequestSwap": Rule(OFFICE, LEARNER_ID, ASSISTANT, SESSION),
    "sessions.SessionsService.WithdrawSwap": Rule(OFFICE, LEARNER_ID, ASSISTANT, SESSION),
    "sessions.SessionsService.ListSwaps": Rule(OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True),
    "sessions.SessionsService.ListHelpInvitations": Rule(
        OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True
    ),
    "sessions.SessionsService.AskQuestion": Rule(OFFICE, LEARNER_ID, ASSISTANT, RUN),
    "sessions.SessionsService.EditQuestion": Rule(OFFICE, LEARNER_ID, ASSISTANT, QUESTION),
    "sessions.SessionsService.VoteQuestion": Rule(OFFICE, LEARNER_ID),
    "sessions.SessionsService.WithdrawQuestion": Rule(OFFICE, LEARNER_ID),
    "sessions.SessionsService.MergeQuestions": Rule(OFFICE, "", ASSISTANT, QUESTION),
    "sessions.SessionsService.AnswerQuestion": Rule(OFFICE, "", ASSISTANT, QUESTION),
    "sessions.SessionsService.ReplyToQuestion": Rule(OFFICE, PERSON),
    "sessions.SessionsService.ReopenQuestion": Rule(OFFICE, "", ASSISTANT, QUESTION),
    "sessions.SessionsService.HideQuestion": Rule(OFFICE, "", ASSISTANT, QUESTION),
    "sessions.SessionsService.GetQuestion": Rule(OFFICE, "", OBSERVER, QUESTION, learners=True),
    "sessions.SessionsService.ListQuestions": Rule(
        OFFICE, "", OBSERVER, RUN, learners=True, groups=True
    ),
    "sessions.SessionsService.ListAgenda": Rule(OFFICE, "", OBSERVER, SESSION, learners=True),
    "sessions.SessionsService.SuggestDuplicates": Rule(
        OFFICE, "", OBSERVER, RUN, learners=True, groups=True
    ),
    "sessions.SessionsService.StartSession": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.UndoStart": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.GetJoinLink": Rule(
        set(), "", OBSERVER, SESSION, learners=True, placed=True
    ),
    "sessions.SessionsService.CheckIn": Rule({SERVICE}, LEARNER_ID),
    "sessions.SessionsService.RecordPresence": Rule({SERVICE}, "", ASSISTANT, SESSION),
    # placed, too: but the call here has no text, which is found first
    "sessions.SessionsService.SendChat": Rule(set(), "", OBSERVER, SESSION, learners=True),
    "sessions.SessionsService.MoveHand": Rule(
        set(), "", OBSERVER, SESSION, learners=True, placed=True
    ),
    "sessions.SessionsService.ListChat": Rule(
        OFFICE, "", OBSERVER, SESSION, learners=True, placed=True
    ),
    "sessions.SessionsService.CreateFeed": Rule(OFFICE, READER_ID),
    "sessions.SessionsService.RevokeFeed": Rule(OFFICE, owned=FEED),
    "sessions.SessionsService.ListFeeds": Rule(OFFICE, READER_ID),
    "sessions.SessionsService.SetAvailability": Rule(OFFICE, PERSON),
    "sessions.SessionsService.GetAvailability": Rule(OFFICE, PERSON),
    "sessions.SessionsService.OpenPoll": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.VotePoll": Rule({SERVICE}, LEARNER_ID),
    "sessions.SessionsService.ClosePoll": Rule(OFFICE, "", ASSISTANT, POLL),
    "sessions.SessionsService.GetPoll": Rule(OFFICE, "", OBSERVER, POLL, learners=True),
    "sessions.SessionsService.ListPolls": Rule(OFFICE, "", OBSERVER, SESSION, learners=True),
    "sessions.SessionsService.ListPollVotes": Rule(OFFICE, "", OBSERVER, POLL),
    "sessions.SessionsService.LeaveFeedback": Rule(set(), LEARNER_ID),
    "sessions.SessionsService.GetOwnFeedback": Rule(set(), LEARNER_ID),
    "sessions.SessionsService.GetFeedback": Rule(OFFICE, "", OBSERVER, SESSION),
    **{
        f"sessions.SessionsService.{name}": Rule(OFFICE, "", ASSISTANT, SESSION)
        for name in (
            *("MutePerson", "UnmutePerson", "RemovePerson", "ReadmitPerson"),
            *("HideEntry", "ShowEntry"),
        )
    },
    "sessions.SessionsService.ListModeration": Rule(OFFICE, "", TEACHER, SESSION),
    "sessions.SessionsService.EndSession": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.AttachRecording": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.WithdrawRecording": Rule(OFFICE, "", TEACHER, SESSION),
    "sessions.SessionsService.SetChapters": Rule(OFFICE, "", ASSISTANT, SESSION),
    "sessions.SessionsService.GetRecordingLine": Rule(OFFICE, "", OBSERVER, SESSION, learners=True),
    "sessions.SessionsService.CorrectAttendance": Rule(OFFICE, "", TEACHER, SESSION),
    "sessions.SessionsService.ListAttendance": Rule(
        OFFICE, LEARNER_ID, OBSERVER, SESSION, groups=True
    ),
    "progress.ProgressService.RecordStatements": Rule({LEARNER, SERVICE}),
    "progress.ProgressService.StreamStatements": Rule({LEARNER, SERVICE}),
    "progress.ProgressService.GetProgress": Rule(OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True),
    "progress.ProgressService.ListRunProgress": Rule(OFFICE, "", OBSERVER, RUN, groups=True),
    "progress.ProgressService.ExportRunProgress": Rule(OFFICE, "", OBSERVER, RUN, groups=True),
    "progress.ProgressService.ListCatchUps": Rule(OFFICE, LEARNER_ID, OBSERVER, RUN, groups=True),
    "progress.ProgressService.ExtendCatchUp": Rule(OFFICE, "", ASSISTANT, CATCH_UP),
    "progress.ProgressService.SetStudyHours": Rule(OFFICE, LEARNER_ID),
    "progress.ProgressService.GetWeekLoad": Rule(OFFICE, LEARNER_ID),
    "progress.ProgressService.RebuildRun": Rule({OPERATOR, *OFFICE}),
    "progress.ProgressService.GetRebuild": Rule({OPERATOR, *OFFICE}),
    "progress.ProgressService.WaiveCatchUp": Rule(OFFICE, "", TEACHER, CATCH_UP),
    "progress.ProgressService.LaunchActivity": Rule(set(), LEARNER_ID),
    "progress.ProgressService.WaiveActivity": Rule(OFFICE, "", TEACHER, RUN, groups=True),
    "progress.ProgressService.CreateLrsCredential": Rule({REGISTRAR}, "", TEACHER, RUNS),
    "progress.ProgressService.ListLrsCredentials": Rule({REGISTRAR}, "", TEACHER, RUN),
    "progress.ProgressService.RevokeLrsCredential": Rule({REGISTRAR}, "", TEACHER, CREDENTIAL),
    "progress.ProgressService.ListFallingBehind": Rule(OFFICE, "", OBSERVER, RUN, groups=True),
    "progress.ProgressService.GetTimeline": Rule(
        OFFICE, LEARNER_ID, OBSERVER, NOTHING, groups=True
    ),
    "notify.NotifyService.SetPreferences": Rule({SERVICE}, PERSON),
    "notify.NotifyService.GetPreferences": Rule({SERVICE}, PERSON),
    "notify.NotifyService.ListMessages": Rule({SERVICE}, PERSON),
    "notify.NotifyService.StreamMessages": Rule({SERVICE}, PERSON),
    "notify.NotifyService.MarkRead": Rule({SERVICE}, PERSON),
    "notify.NotifyService.ListDeliveries": Rule({OPERATOR, SERVICE}, PERSON),
    "notify.NotifyService.ReportBounce": Rule({SERVICE}),
    "notify.NotifyService.ListSuppressions": Rule({OPERATOR, SERVICE}),
    "notify.NotifyService.RemoveSuppression": Rule({OPERATOR, SERVICE}),
    "notify.NotifyService.CreateWebhook": Rule({OPERATOR}),
    "notify.NotifyService.ListWebhooks": Rule({OPERATOR}),
    "notify.NotifyService.ListWebhookDeliveries": Rule({OPERATOR}),
    "notify.NotifyService.RotateWebhookSecret": Rule({OPERATOR}),
    "notify.NotifyService.ReplayWebhook": Rule({OPERATOR}),
    "notify.NotifyService.DeleteWebhook": Rule({OPERATOR}),
    "catalog.CatalogService.ErasePerson": Rule({OPERATOR, SERVICE}),
    **{
        f"{service}.{service.title()}Service.{name}": Rule({OPERATOR, SERVICE})
        for service in ROLES
        for name in ("ExportPerson", "GetErasure")
    },
    "notify.NotifyService.RegisterDevice": Rule({SERVICE}, PERSON),
    "notify.NotifyService.ConfirmDevice": Rule({SERVICE}, PERSON),
    "notify.NotifyService.ListDevices": Rule({SERVICE}, PERSON),
    "notify.NotifyService.RemoveDevice": Rule({SERVICE}, PERSON),
}

REFUSED = {grpc.StatusCode.UNAUTHENTICATED, grpc.StatusCode.PERMISSION_DENIED}


def test_the_table_has_every_rpc() -> None:
    """An RPC that is missing from the table, or is gone from the contracts, fails here."""
    assert {rpc.service for rpc in ALL.values()} == set(ROLES)
    assert TABLE.keys() == ALL.keys()


def test_the_table_has_every_role() -> None:
    """A role that is new in the contracts is one that the calls below must try."""
    assert {name.removeprefix("ROLE_").lower() for name in options_pb2.Role.keys()[1:]} == set(
        EVERY_ROLE
    )


@pytest.fixture(scope="module")
def issuer() -> Issuer:
    return Issuer()


@pytest.fixture(scope="module")
def process_of(
    stack: dict[str, str], issuer: Issuer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[ProcessOf]:
    with api_processes(stack, issuer, tmp_path_factory.mktemp("access") / "jwks.json") as found:
        yield found


Call = Callable[[Rpc, str, Mapping[str, Any], bool], grpc.StatusCode]


@pytest.fixture(scope="module", params=["grpc", "http"])
def call(request: pytest.FixtureRequest, process_of: ProcessOf) -> Call:
    """Calls an RPC by one of the protocols; a stream by gRPC, which alone has them."""
    channels: dict[str, grpc.Channel] = {}

    def by_grpc(rpc: Rpc, token: str, fields: Mapping[str, Any], let_in: bool) -> grpc.StatusCode:
        if rpc.service not in channels:
            channels[rpc.service] = process_of(rpc).channel()
        return rpc.call(channels[rpc.service], token, fields, let_in)

    def by_http(rpc: Rpc, token: str, fields: Mapping[str, Any], let_in: bool) -> grpc.StatusCode:
        if not rpc.is_unary:
            return by_grpc(rpc, token, fields, let_in)
        return rpc.post(process_of(rpc).url(), token, fields)

    return by_http if request.param == "http" else by_grpc


@pytest.mark.parametrize("name", TABLE)
def test_nobody_calls_without_a_token(name: str, call: Call) -> None:
    """A call without a token, or with one of another issuer, is UNAUTHENTICATED."""
    stranger = Issuer().token("ada", EVERY_ROLE)
    for token in ("", stranger):
        assert call(ALL[name], token, NONE, False) is grpc.StatusCode.UNAUTHENTICATED


@pytest.mark.parametrize("name", TABLE)
def test_each_role_calls_what_is_its_own(name: str, call: Call, issuer: Issuer) -> None:
    """Each role that the table doesn't name is PERMISSION_DENIED; each that it names is let in."""
    rpc, allowed, own = ALL[name], TABLE[name].roles, TABLE[name].own
    fields = {own: "somebody-else"} if own else {}
    for role in EVERY_ROLE:
        let_in, token = role in allowed, issuer.token("ada", [role])
        code = call(rpc, token, fields, let_in)
        assert (code is grpc.StatusCode.PERMISSION_DENIED) is not let_in, (role, code)
    nobody = call(rpc, issuer.token("ada", ["admin"]), fields, False)
    assert nobody is grpc.StatusCode.PERMISSION_DENIED


@pytest.mark.parametrize("name", [name for name, rule in TABLE.items() if rule.own])
def test_people_call_for_themselves_only(name: str, call: Call, issuer: Issuer) -> None:
    """People may call about themselves, whatever their roles, and about nobody else."""
    rpc, own, token = ALL[name], TABLE[name].own, issuer.token("ada")
    assert call(rpc, token, {own: "ada"}, True) not in REFUSED
    for other in ("eve", "", "ADA", "ada "):
        assert call(rpc, token, {own: other}, False) is grpc.StatusCode.PERMISSION_DENIED


def test_every_thing_of_a_run_is_tried() -> None:
    """The tables below try each RPC whose contract lets somebody in by a run, or by an upload."""
    for name, rule in TABLE.items():
        access = ALL[name].descriptor.GetOptions().Extensions[options_pb2.access]
        staff = f"STAFF_ROLE_{rule.staff.upper()}" if rule.staff else "STAFF_ROLE_UNSPECIFIED"
        assert options_pb2.StaffRole.Name(access.staff) == staff, name
        assert access.about == rule.about + rule.owned, name
        assert (access.learners, access.owner, access.groups) == (
            rule.learners,
            rule.owner or bool(rule.owned),
            rule.groups,
        ), name


STAFFED = [name for name, rule in TABLE.items() if rule.staff]
HELD = {SESSION, SERIES, POLL, QUESTION}
"""What someone holds, as an instructor of the classes, and the questions of these."""
OF_GROUPS = {*HELD, PERSON, CATCH_UP}
BY_RUN = [name for name in STAFFED if TABLE[name].about]


@pytest.mark.parametrize("name", STAFFED)
def test_staff_call_in_their_own_runs(name: str, call: Call, issuer: Issuer) -> None:
    """From the least role on, in a run that is closed too; in no other run, and nobody else."""
    rpc, rule = ALL[name], TABLE[name]
    for role in EVERY_STAFF_ROLE:
        token = issuer.token(role)
        enough = EVERY_STAFF_ROLE.index(role) >= EVERY_STAFF_ROLE.index(rule.staff)
        for run in (OWN, ENDED):
            code = call(rpc, token, about(rule.about, run), enough)
            assert (code not in REFUSED) is enough, (role, run, code)
        if rule.about:
            code = call(rpc, token, about(rule.about, OTHER), False)
            assert code is grpc.StatusCode.PERMISSION_DENIED, role


@pytest.mark.parametrize("name", STAFFED)
def test_staff_of_groups_reach_their_groups_only(name: str, call: Call, issuer: Issuer) -> None:
    """They call about what belongs to their group and to no other; about a run only where the
    answer or the command is cut to their groups, and never about what is for the whole run.
    """
    rpc, rule, token = ALL[name], TABLE[name], issuer.token(TUTOR)
    if rule.about in OF_GROUPS:
        for group in (GROUP, OTHER_GROUP):
            code = call(rpc, token, access_runs.about_group(rule.about, group), group == GROUP)
            assert (code not in REFUSED) is (group == GROUP), (group, code)
    if rule.about not in {PERSON, CATCH_UP}:
        let_in = rule.groups and rule.about not in HELD
        code = call(rpc, token, about(rule.about, OWN), let_in)
        assert (code not in REFUSED) is let_in, code


@pytest.mark.parametrize("name", STAFFED)
def test_a_role_of_the_token_opens_no_run(name: str, call: Call, issuer: Issuer) -> None:
    """An instructor or a learner of the university is nobody in a run because of that."""
    rpc, rule = ALL[name], TABLE[name]
    for role in (INSTRUCTOR, LEARNER, OPERATOR):
        token = issuer.token("eve", [role])
        for run in (OWN, OTHER, ENDED):
            code = call(rpc, token, about(rule.about, run), False)
            assert code is grpc.StatusCode.PERMISSION_DENIED, (role, run)


@pytest.mark.parametrize("name", BY_RUN)
def test_what_is_not_known_yet_is_not_guessed(name: str, call: Call, issuer: Issuer) -> None:
    """A run that has not been heard of is UNAVAILABLE; what a service owns itself, NOT_FOUND."""
    rpc, rule = ALL[name], TABLE[name]
    code = call(rpc, issuer.token("teacher"), about(rule.about, UNKNOWN), False)
    if rule.about == PERSON:
        assert code is grpc.StatusCode.PERMISSION_DENIED
    elif rule.about in {*HELD, CATCH_UP, ITEM, CREDENTIAL} or rpc.service == "catalog":
        assert code is grpc.StatusCode.NOT_FOUND
    else:
        assert code is grpc.StatusCode.UNAVAILABLE


@pytest.mark.parametrize("name", [name for name in STAFFED if TABLE[name].about in HELD])
def test_who_holds_a_class_is_an_assistant_for_it(name: str, call: Call, issuer: Issuer) -> None:
    """A guest who teaches one class of a run needs no place among its staff."""
    rpc, rule = ALL[name], TABLE[name]
    code = call(rpc, issuer.token(GUEST), about(rule.about, OWN), True)
    assert (code is grpc.StatusCode.PERMISSION_DENIED) is (rule.staff == TEACHER)


@pytest.mark.parametrize("name", BY_RUN)
def test_learners_call_where_the_table_says_so(name: str, call: Call, issuer: Issuer) -> None:
    """With a place or on the waiting list, in their own run; not after they left. Some calls are
    for those with a place only.
    """
    rpc, rule = ALL[name], TABLE[name]
    people = {
        access_runs.learner_of(OWN): rule.learners,
        access_runs.waiting_for(OWN): rule.learners and not rule.placed,
        access_runs.withdrawn_from(OWN): False,
        access_runs.learner_of(OTHER): False,
    }
    for person, let_in in people.items():
        if rule.own == rule.about and person == access_runs.learner_of(OWN):
            continue  # that is about the learner, who may
        code = call(rpc, issuer.token(person, [LEARNER]), about(rule.about, OWN), let_in)
        assert (code not in REFUSED) is let_in, (person, code)


@pytest.mark.parametrize("name", [name for name, rule in TABLE.items() if rule.owned])
def test_an_upload_belongs_to_who_began_it(name: str, call: Call, issuer: Issuer) -> None:
    """Neither the run's teacher nor anybody else goes on with it."""
    rpc, rule = ALL[name], TABLE[name]
    owner = issuer.token(UPLOADER)
    for run in (OWN, ENDED):
        assert call(rpc, owner, about(rule.owned, run), True) not in REFUSED
        for other in (*EVERY_STAFF_ROLE, "stranger"):
            code = call(rpc, issuer.token(other, [INSTRUCTOR]), about(rule.owned, run), False)
            assert code is grpc.StatusCode.PERMISSION_DENIED
    code = call(rpc, owner, about(rule.owned, UNKNOWN), False)
    assert code is grpc.StatusCode.NOT_FOUND


@pytest.mark.parametrize("name", [name for name, rule in TABLE.items() if rule.owner])
def test_who_uploaded_an_item_corrects_it(name: str, call: Call, issuer: Issuer) -> None:
    """Beside the staff of its runs; in each run, for it is the uploader's own."""
    for run in access_runs.RUNS:
        code = call(ALL[name], issuer.token(UPLOADER), about(ITEM, run), True)
        assert code not in REFUSED, run
