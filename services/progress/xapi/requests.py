"""Requests for the LRS by HTTP: their version and their parameters."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence, Set
from urllib.parse import parse_qsl

from chassis.errors import FieldViolation, Invalid, check
from services.progress.domain.xapi.versions import Version

VERSION = "x-experience-api-version"
MOST_PARAMETERS = 100
_VERSIONS = (
    (re.compile(r"1\.0(\.\d{1,5})?"), Version.V1_0_3),
    (re.compile(r"2\.0(\.\d{1,5})?"), Version.V2_0_0),
)


def version_of(headers: Mapping[str, str]) -> Version:
    """Return the version in which a request is spoken: 1.0 and 1.0.x are read as 1.0.3, 2.0 and
    2.0.x as 2.0.0 (xAPI 1.0.3, part 3, section 3.3). Raises Invalid.
    """
    found = known_version(headers)
    if found is None:
        given = headers.get(VERSION)
        wrong = "is missing" if given is None else f"is {given[:40]!r}"
        raise Invalid([FieldViolation("X-Experience-API-Version", wrong, "1.0.3 or 2.0.0")])
    return found


def known_version(headers: Mapping[str, str]) -> Version | None:
    """Return the version that a request names; None if it names none that the LRS speaks."""
    given = headers.get(VERSION, "")
    return next((version for form, version in _VERSIONS if form.fullmatch(given)), None)


def pairs_of(query: str) -> list[tuple[str, str]]:
    """Return the names and values of a query or form, which came as latin-1. Raises Invalid if it
    is no UTF-8 (section 1.4), or has too many.
    """
    try:
        text = query.encode("latin-1").decode()
        return parse_qsl(
            text, keep_blank_values=True, errors="strict", max_num_fields=MOST_PARAMETERS
        )
    except ValueError as error:
        right = f"percent-encoded UTF-8, with up to {MOST_PARAMETERS} parameters"
        raise Invalid([FieldViolation("", "the parameters can't be read", right)]) from error


def parameters_of(query: str, known: Set[str]) -> Mapping[str, str]:
    """Return the parameters of a query. Raises Invalid for each that is unknown, in another case
    too, and for each that comes twice (section 3.2).
    """
    pairs = pairs_of(query)
    check(_parameter_faults(pairs, known))
    return dict(pairs)


def _parameter_faults(
    pairs: Sequence[tuple[str, str]], known: Set[str]
) -> Iterator[FieldViolation]:
    wanted = f"one of {', '.join(sorted(known))}" if known else "no parameter"
    for name, times in Counter(name for name, _ in pairs).items():
        if name not in known:
            yield FieldViolation(name[:40], "is not a parameter here", wanted)
        elif times > 1:
            yield FieldViolation(name, f"comes {times} times", "once")
