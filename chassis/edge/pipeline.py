"""What happens to every request, whichever protocol brought it.

In this order: request id, trace, metrics and log (chassis.edge.exchange), a place (admission),
authentication, the body, access, field rules, deadline, the service's code; and what was raised
becomes a status. An adapter calls these steps and gives what its protocol needs.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from google.protobuf.message import Message
from pymongo.errors import PyMongoError

from chassis.context import deadline
from chassis.context.principal import Principal, acting_as
from chassis.edge.admission import AdmissionControl, Slot
from chassis.edge.auth import Authenticator, Identity
from chassis.edge.bodies import Body
from chassis.edge.executor import BoundedExecutor
from chassis.edge.methods import Method
from chassis.edge.statuses import AWAY, DatabaseAway, DeadlinePassed

# A caller who names no deadline gets this one, so that no request outlives everyone's interest.
LONGEST_REQUEST = 30.0
# In bytes; what gRPC takes by default.
LARGEST_REQUEST = 4 * 1024 * 1024
# A larger one keeps its room until the answer: read, it takes several times as much.
SMALL_BODY = 64 * 1024


class Pipeline:
    """The steps between a request's headers and its answer."""

    def __init__(
        self,
        authenticator: Authenticator,
        admission: AdmissionControl,
        executor: BoundedExecutor,
        database_answers: Callable[[], bool],
    ) -> None:
        self.authenticator, self.admission, self.executor = authenticator, admission, executor
        self._database_answers = database_answers

    def slot(self, authorization: str) -> Slot:
        """A place for a request that has just come, or the refusal of one. It never waits."""
        return self.admission.take(self.authenticator.known(authorization))

    def authenticate(self, authorization: str, slot: Slot) -> Identity:
        """Who calls; the place is the caller's from now on.

        Raises Exhausted where there was no place or the caller has too many, Unauthenticated, and
        Unavailable where nobody can tell now.
        """
        slot.check()
        identity = self.authenticator.authenticate(authorization)
        slot.belongs_to(identity.principal)
        return identity

    def answer(
        self,
        method: Method,
        principal: Principal,
        body: Body,
        raw: bytes,
        parse: Callable[[bytes], Message],
        seconds_left: Callable[[], float],
    ) -> Any:
        """The answer of a unary method to the request that `parse` gives of a body.

        The service's code is given no context: it must not know which protocol brought the request.
        Raises what `parse` and the service's code raise, Denied, Invalid, Exhausted, DatabaseAway,
        and DeadlinePassed.
        """
        with self.executor.working():
            if len(raw) <= SMALL_BODY:
                body.leave()
            request = parse(raw)
            method.admit(principal, request)
            self.fail_fast()
            with acting_as(principal), _limit(seconds_left()):
                return method.behaviour(request, None)

    def fail_fast(self) -> None:
        """Raise DatabaseAway in an outage.

        Within a deadline the driver tries again and again, which bridges the seconds of an
        election; in a longer outage it would only hold all threads up to their deadlines.
        """
        if not self._database_answers():
            raise DatabaseAway(AWAY)


@contextmanager
def _limit(seconds: float) -> Iterator[None]:
    """Work within the caller's deadline, down to the database's operations."""
    seconds = min(seconds, LONGEST_REQUEST)
    if seconds <= 0:
        raise DeadlinePassed("the deadline passed before the call was begun")
    with deadline.within(seconds):
        try:
            yield
        except PyMongoError as error:
            if error.timeout and deadline.left() <= 0:
                raise DeadlinePassed("the deadline passed before the database answered") from error
            raise
