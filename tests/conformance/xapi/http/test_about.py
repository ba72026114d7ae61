"""The about resource (xAPI 1.0.3, part 3, section 2.8; xAPI 2.0.0, section 4.1.6.7)."""

import pytest

from tests.conformance.xapi.http.conftest import Lrs

VERSION = "x_experience_api_version"


@pytest.mark.parametrize("version", [None, "0.9", "1.0.0", "1.0.3", "2.0.0"])
@pytest.mark.parametrize("authorization", [None, "Basic x"])
def test_xapi_00315_about_answers_everybody(
    lrs: Lrs, version: str | None, authorization: str | None
) -> None:
    """XAPI-00315, XAPI-00318, XAPI-00319, XAPI-00321: 200 with a list of texts, without a version
    and without credentials.
    """
    sent = {"authorization": authorization, VERSION: version}
    answer = lrs.send("GET", "/about", **{name: value for name, value in sent.items() if value})
    assert (answer.status, answer.headers["content-type"]) == (200, "application/json")
    assert all(isinstance(each, str) for each in answer.json["version"])


@pytest.mark.parametrize("version", ["1.0", "1.0.0", "1.0.3"])
def test_xapi_00316_a_client_of_1_0_is_told_versions_that_it_knows(lrs: Lrs, version: str) -> None:
    """XAPI-00316, XAPI-00317: the list holds "1.0.x" and nothing that xAPI 1.0.3 does not allow."""
    told = lrs.send("GET", "/about", **{VERSION: version}).json["version"]
    assert told == ["1.0.0", "1.0.1", "1.0.2", "1.0.3"]


@pytest.mark.parametrize("version", [None, "2.0.0"])
def test_xapi_00317_others_are_told_2_0_0_too(lrs: Lrs, version: str | None) -> None:
    """XAPI-00317 of the suite for 2.0.0: the list holds "2.0.0"."""
    answer = lrs.send("GET", "/about", **({VERSION: version} if version else {}))
    assert answer.json["version"] == ["1.0.0", "1.0.1", "1.0.2", "1.0.3", "2.0.0"]
    assert answer.headers["x-experience-api-version"] == "2.0.0"


def test_xapi_00324_about_knows_no_parameter(lrs: Lrs) -> None:
    """XAPI-00324: 400 for a parameter, as at every resource."""
    assert lrs.send("GET", "/about", "x=1", **{VERSION: "1.0.3"}).status == 400


def test_xapi_00320_about_may_have_extensions(lrs: Lrs) -> None:
    """XAPI-00320: extensions are optional; this LRS has none, and nothing else beside versions."""
    assert lrs.send("GET", "/about").json.keys() == {"version"}
