"""A unit of cmi5 as it runs in a browser: it is launched, fetches its token, and calls the LRS."""

import base64
import json
import uuid
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.context.principal import Principal
from chassis.data.store import Database
from chassis.edge.http.endpoints import Endpoint, EndpointAnswer, EndpointRequest
from services.progress.domain.cmi5.terms import CATEGORY, MOVE_ON_CATEGORY, SESSION_ID, Verb
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.store import ProgressStore
from services.progress.xapi.clients import Clients
from services.progress.xapi.lrs import lrs
from tests.integration.progress.classroom import RUN, Classroom, task

BASE = "https://progress.uni.example/xapi"
CHECKPOINT = types_pb2.ACTIVITY_KIND_CHECKPOINT
Json = dict[str, Any]


def unit(
    activity_id: str = "quiz",
    move_on: "types_pb2.MoveOn.ValueType" = types_pb2.MOVE_ON_COMPLETED_OR_PASSED,
    kind: "types_pb2.ActivityKind.ValueType" = CHECKPOINT,
    **fields: Any,
) -> catalog.Activity:
    """A step of the path that is a unit."""
    given = {
        "publisher_id": f"https://pub.example/{activity_id}",
        "url": "https://pub.example/start?lang=en",
        "launch_method": types_pb2.LAUNCH_METHOD_OWN_WINDOW,
        "move_on": move_on,
    }
    return task(activity_id, kind=kind, cmi5=catalog.AssignableUnit(**{**given, **fields}))


class Lms:
    """The platform as units see it."""

    def __init__(self, classroom: Classroom, database: Database[ProgressStore]) -> None:
        self.classroom, self.database, self.clock = classroom, database, classroom.clock
        self.endpoints: Mapping[str, Endpoint] = {each.path: each for each in lrs(database, BASE)}
        self.clients = Clients(database, BASE)

    def replica(self) -> "Lms":
        """Another replica of the LRS, on the same database."""
        return Lms(self.classroom, self.database)

    def launch(self, learner: str = "ada", activity: str = "quiz", **fields: Any) -> "Unit":
        """Launch a unit for a learner, by the RPC."""
        asked: Any = {"run_id": RUN, "learner_id": learner, "activity_id": activity, **fields}
        request = progress_pb2.LaunchActivityRequest(**asked)
        return Unit(self, self.classroom.learner(learner).LaunchActivity(request))

    def sessions(self, verb: Verb) -> list[str]:
        """Return the sessions of the statements of a verb."""
        return [each["context"]["extensions"][SESSION_ID] for each in self.statements(verb)]

    def waive(self, activity: str = "quiz", learner: str = "ada") -> datetime:
        """Waive a unit, as the registrar."""
        request = progress_pb2.WaiveActivityRequest(
            run_id=RUN,
            learner_id=learner,
            activity_id=activity,
            reason=resources_pb2.WAIVE_REASON_TESTED_OUT,
        )
        answer = self.classroom.staff.WaiveActivity(request)
        return answer.waived_at.ToDatetime()

    def statements(self, verb: Verb | str = "") -> list[Json]:
        """Return all statements, or those of a verb, in the order of their storing."""
        rows = self.database.mongo["statements"].find({"raw": {"$exists": True}}).sort("cursor", 1)
        found = [json.loads(row["raw"]) for row in rows]
        return [each for each in found if not verb or each["verb"]["id"] == verb]


class Unit:
    """A launched unit."""

    def __init__(self, lms: Lms, launched: progress_pb2.LaunchActivityResponse) -> None:
        self.lms, self.launched = lms, launched
        self.asked = {
            name: values[0]
            for name, values in parse_qs(urlsplit(launched.launch_url).query).items()
        }
        self.token = ""

    def at(self, lms: Lms) -> "Unit":
        """Return the same unit, which calls another replica from now on."""
        other = Unit(lms, self.launched)
        other.token = self.token
        return other

    def fetch(self) -> Json:
        """Call the fetch URL."""
        parts = urlsplit(self.asked["fetch"])
        answer = self.lms.endpoints[parts.path].answer(
            EndpointRequest("POST", parts.path, parts.query, {})
        )
        assert (answer.status, answer.media_type) == (200, "application/json")
        found: Json = json.loads(answer.body)
        self.token = found.get("auth-token", self.token)
        return found

    def begin(self) -> "Unit":
        """Fetch the token, and say initialized."""
        self.fetch()
        self.say(Verb.INITIALIZED)
        return self

    def ask(self, method: str, path: str, body: object = None, **parameters: str) -> EndpointAnswer:
        """Ask a resource of the LRS with the session's credential. Raises what it refuses with."""
        return self.ask_as(self.holder(), method, path, body, **parameters)

    def holder(self) -> Principal:
        """Return whom the token authenticates."""
        user, _, secret = base64.b64decode(self.token).decode().partition(":")
        principal = self.lms.clients.check(user, secret)
        assert principal is not None, "401"
        return principal

    def ask_as(
        self, principal: Principal, method: str, path: str, body: object, **parameters: str
    ) -> EndpointAnswer:
        """Ask a resource as whom the edge knows."""
        headers = {"x-experience-api-version": "1.0.3", "content-type": "application/json"}
        raw = b"" if body is None else json.dumps(body).encode()
        asked = (method, f"/xapi{path}", urlencode(parameters), headers, raw, principal)
        return self.lms.endpoints[f"/xapi{path}"].answer(EndpointRequest(*asked))

    def send(self, *statements: Json) -> None:
        """Store statements; raises if they are refused."""
        answer = self.ask("POST", "/statements", list(statements))
        if answer.status != 200:
            raise Refused(answer.status, answer.body.decode())

    def say(self, verb: Verb, **result: Any) -> Json:
        """Store a cmi5 defined statement."""
        statement = self.defined(verb, **result)
        self.send(statement)
        return statement

    def launch_data(self) -> Json:
        """Return the document LMS.LaunchData."""
        found: Json = json.loads(self.ask("GET", "/activities/state", **self.state()).body)
        return found

    def state(self, state_id: str = "LMS.LaunchData") -> dict[str, str]:
        """Return the parameters of a state document."""
        return {
            "activityId": self.asked["activityId"],
            "agent": self.asked["actor"],
            "registration": self.asked["registration"],
            "stateId": state_id,
        }

    def allowed(self, **more: Any) -> Json:
        """Return a cmi5 allowed statement: one with the session's context alone."""
        return {
            "id": str(uuid.uuid4()),
            "actor": json.loads(self.asked["actor"]),
            "verb": {"id": "http://adlnet.gov/expapi/verbs/answered"},
            "object": {"id": "https://pub.example/question/1"},
            "context": self.launch_data()["contextTemplate"],
            "timestamp": timestamp_text(self.lms.clock.now()),
        } | more

    def defined(self, verb: Verb, **result: Any) -> Json:
        """Return a cmi5 defined statement, as section 9 asks for it."""
        told: Mapping[Verb, Json] = {
            Verb.COMPLETED: {"completion": True, "duration": "PT5M"},
            Verb.PASSED: {"success": True, "duration": "PT5M"},
            Verb.FAILED: {"success": False, "duration": "PT5M"},
            Verb.TERMINATED: {"duration": "PT6M"},
        }
        whole = {**told.get(verb, {}), **result}
        found = self.allowed(verb={"id": verb.value}, object={"id": self.asked["activityId"]})
        category = [{"id": CATEGORY}]
        if {"success", "completion"} & whole.keys():
            category.append({"id": MOVE_ON_CATEGORY})
        found["context"]["contextActivities"]["category"] = category
        return found | ({"result": whole} if whole else {})


class Refused(Exception):
    """The LRS refused statements."""
