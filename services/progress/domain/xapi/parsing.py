"""JSON of strangers, read strictly (RFC 8259; xAPI 1.0.3, part 2, section 2.2).

The standard library's parser tells keys that an object has twice, which statements must not have
(section 2.4: each property at most once), and faster ones do not.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

from chassis.errors import FieldViolation, Invalid

MAX_DEPTH = 64
"""Levels of objects and arrays in one document; the store takes 100."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")


def parse_json(raw: bytes, field: str = "body") -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises Invalid, with `field` and the place: other encodings, what is not JSON, NaN and
    infinities, a number beyond the range of a double, a key twice in one object, half of a
    surrogate pair, more than MAX_DEPTH levels.
    """
    try:
        text = raw.decode("utf-8")
        value = _DECODER.decode(text)
        _check_depth(value)
        if _SURROGATE.search(text):
            json.dumps(value, ensure_ascii=False).encode()
    except UnicodeDecodeError as error:
        raise _wrong(field, f"is not UTF-8 at byte {error.start}") from None
    except UnicodeEncodeError:
        raise _wrong(field, "has half of a surrogate pair") from None
    except RecursionError:
        raise _wrong(field, f"has more than {MAX_DEPTH} levels") from None
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise _wrong(field, f"is not JSON: {error.msg}, at {place}") from None
    except ValueError as error:
        raise _wrong(field, f"is not valid: {error}") from None
    return value


def _wrong(field: str, wrong: str) -> Invalid:
    return Invalid([FieldViolation(field, wrong, "JSON in UTF-8, each key once in its object")])


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    made = dict(pairs)
    if len(made) != len(pairs):
        raise ValueError(f"the key {_twice(pairs)} is there twice in one object")
    return made


def _twice(pairs: list[tuple[str, Any]]) -> str:
    [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
    return json.dumps(key[:80])


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise ValueError("a number is beyond the range of a double")
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [inner for each in level for inner in _members(each)]
        if not level:
            return
    if any(isinstance(each, dict | list) for each in level):
        raise RecursionError


def _members(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return value.values()
    return value if isinstance(value, list) else ()


# Made once: json.loads makes one for each call that is not plain.
_DECODER = json.JSONDecoder(object_pairs_hook=_object, parse_constant=_refuse, parse_float=_finite)
