"""The Agents resource (xAPI 1.0.3, part 3, section 2.4; IEEE 9274.1.1, section 4.1.6.3)."""

import json

from services.progress.domain.xapi.document_parameters import agent_asked
from services.progress.domain.xapi.documents import JSON, Content
from services.progress.domain.xapi.person import person_of
from services.progress.xapi.documents import content_answer, refusing
from services.progress.xapi.exchange import XapiAnswer, XapiRequest


def agents(request: XapiRequest) -> XapiAnswer:
    """Return the Person object of an agent. Raises Invalid."""
    person = Content(json.dumps(person_of(agent_asked(request.parameters))).encode(), JSON)
    return refusing(lambda: content_answer(request, person))
