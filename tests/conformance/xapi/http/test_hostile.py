"""Whatever comes to the LRS: it is refused or obeyed, and nothing breaks."""

from collections.abc import Mapping
from contextlib import closing
from http.client import HTTPConnection
from typing import Any
from urllib.parse import quote, urlencode

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.conformance.xapi.http.conftest import TABLE, Lrs
from tests.deep import DEEP

EXAMPLES = 600 if DEEP else 60
PATHS = st.sampled_from([*TABLE, "/about", "/", "/nothing"])
METHODS = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "OPTIONS"])
NAMES = sorted(
    {name for each in TABLE.values() for one in each.values() for name in one.parameters}
)
FORM_NAMES = [*NAMES, "content", "Authorization", "X-Experience-API-Version", "Content-Type"]
TEXTS = st.text(max_size=30) | st.sampled_from(
    ['{"mbox": "mailto:a@b.example"}', "{", "[]", "true", "2026-01-01T00:00:00Z", "\0", "9" * 30]
)
QUERIES = st.one_of(
    st.dictionaries(st.sampled_from(NAMES) | TEXTS, TEXTS, max_size=4).map(urlencode),
    st.binary(max_size=30).map(quote),
    st.sampled_from(["GET", "PUT", "POST", "DELETE", "x"]).map(lambda method: f"method={method}"),
)
BODIES = st.one_of(
    st.binary(max_size=60),
    st.dictionaries(st.sampled_from(FORM_NAMES), TEXTS, max_size=5).map(
        lambda form: urlencode(form, errors="replace").encode()
    ),
    st.sampled_from([b'{"id": 1}', b"[" * 5000, b"--b\r\n\r\n--b--", b'"\\ud800"', b"NaN"]),
)
# No control characters: with them it is no HTTP, which the parser refuses before any resource.
VALUES = st.text(st.characters(max_codepoint=255, exclude_categories=["Cc"]), max_size=20)
HEADERS = st.fixed_dictionaries(
    {"X-Experience-API-Version": st.sampled_from(["1.0.3", "2.0.0"]) | VALUES},
    optional={
        "Content-Type": st.sampled_from(["application/json", "multipart/mixed; boundary=b"])
        | VALUES,
        "If-Match": VALUES,
        "If-None-Match": VALUES,
        "Accept-Language": VALUES,
        "Content-Encoding": st.sampled_from(["gzip", "identity"]),
        "traceparent": VALUES,
    },
)


def test_any_bytes_are_refused_or_obeyed(real_lrs: Lrs) -> None:
    """No method, path, query, header and body gives a 5xx, with right credentials and with others;
    each answer tells its version where a resource is.
    """

    whole = real_lrs.credential("all")

    @given(METHODS, PATHS, QUERIES, HEADERS, BODIES, st.booleans() | VALUES)
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck), deadline=None)
    def hostile(
        method: str, path: str, query: str, headers: Mapping[str, str], body: bytes, who: Any
    ) -> None:
        authorization = whole if isinstance(who, bool) else who
        sent = {**headers, "Authorization": authorization}
        status, told = exchanged(real_lrs, method, f"/xapi{path}?{query}", sent, body)
        assert status < 500
        assert told or path not in real_lrs.paths

    hostile()


def exchanged(
    lrs: Lrs, method: str, target: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, bool]:
    """Send a request with the headers' bytes as they are; return its status, and whether the answer
    tells a version.
    """
    with closing(HTTPConnection("127.0.0.1", lrs.server.http_port, timeout=60)) as connection:
        connection.putrequest(method, target)
        for name, value in headers.items():
            connection.putheader(name, value.encode("latin-1"))
        connection.putheader("Content-Length", str(len(body)))
        connection.endheaders(body)
        answer = connection.getresponse()
        return answer.status, answer.headers["x-experience-api-version"] is not None
