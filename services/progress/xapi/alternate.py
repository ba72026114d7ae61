"""The alternate request syntax (xAPI 1.0.3, part 3, section 1.3): a POST whose form holds another
request, with the headers that old browsers can't send. xAPI 2.0.0 has none.
"""

import re
from collections import Counter
from collections.abc import Mapping, Set
from dataclasses import dataclass, replace
from urllib.parse import urlencode

from chassis.edge.http.endpoints import EndpointRequest
from chassis.errors import FieldViolation, Invalid
from services.progress.domain.xapi.versions import Version
from services.progress.xapi.requests import known_version, pairs_of

# The parameters of the form that are headers; all others are those of the query.
HEADERS = frozenset(
    {
        "Authorization",
        "X-Experience-API-Version",
        "Content-Type",
        "Content-Length",
        "If-Match",
        "If-None-Match",
    }
)
# In the real headers these two are of the form.
_OF_THE_FORM = frozenset({"content-type", "content-length"})
_VALUE = re.compile(r"[\t\x20-\x7e\xa0-\xff]*")
_WITH_CONTENT = frozenset({"PUT", "POST"})


@dataclass(frozen=True, slots=True)
class AlternateSyntax:
    """The alternate syntax of one resource, which has some methods."""

    methods: Set[str]

    def holds(self, request: EndpointRequest) -> bool:
        """Return whether the request is in this syntax: a POST with the parameter `method`."""
        return is_alternate(request)

    def opened(self, request: EndpointRequest) -> EndpointRequest:
        """Return the request that the form holds. Raises Invalid."""
        method = self._method(request)
        form = _form(request.body)
        headers = {**request.headers, **_headers(form, request.headers)}
        if known_version(headers) is Version.V2_0_0:
            raise _fault("method", "is of the alternate syntax", "a request by its own method")
        if method in _WITH_CONTENT and "content" not in form:
            raise _fault("content", "is missing", "what is sent, as UTF-8")
        others = {name: value for name, value in form.items() if name not in HEADERS}
        content = others.pop("content", "")
        query = urlencode(others)
        return replace(request, method=method, query=query, headers=headers, body=content.encode())

    def _method(self, request: EndpointRequest) -> str:
        """Return the method. Raises Invalid if it is no other, or not alone in the query."""
        pairs = pairs_of(request.query)
        if len(pairs) != 1:
            raise _fault("", "the query has more than the method", "the rest in the form")
        method = "GET" if pairs[0][1] == "HEAD" and "GET" in self.methods else pairs[0][1]
        if method not in self.methods:
            wanted = f"one of {', '.join(sorted(self.methods))}"
            raise _fault("method", f"is {method[:40]!r}", wanted)
        return method


def is_alternate(request: EndpointRequest) -> bool:
    """Return whether a request is in this syntax, and may be: it names no version that has none."""
    if request.method != "POST" or known_version(request.headers) is Version.V2_0_0:
        return False
    return re.search(r"(^|&)method(=|&|$)", request.query) is not None


def _form(body: bytes) -> dict[str, str]:
    """Return the form. Raises Invalid if it can't be read, or names something twice."""
    pairs = pairs_of(body.decode("latin-1"))
    twice = [name for name, times in Counter(name for name, _ in pairs).items() if times > 1]
    if twice:
        raise Invalid([FieldViolation(name[:40], "comes more than once", "once") for name in twice])
    return dict(pairs)


def _headers(form: Mapping[str, str], real: Mapping[str, str]) -> dict[str, str]:
    """Return the headers that the form adds to the real ones, which count where both are there.

    Without a type the content is JSON, as nearly all content of xAPI is. Raises Invalid.
    """
    found = {"content-type": "application/json"}
    for name in HEADERS & form.keys():
        key = name.lower()
        if not _VALUE.fullmatch(form[name]):
            raise _fault(name, "has characters that no header has", "a header's value")
        if key not in real or key in _OF_THE_FORM:
            found[key] = form[name]
    return found


def _fault(field: str, wrong: str, right: str) -> Invalid:
    return Invalid([FieldViolation(field, wrong, right)])
