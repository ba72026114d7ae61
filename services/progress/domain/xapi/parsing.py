"""JSON of strangers, read strictly (RFC 8259; xAPI 1.0.3, part 2, section 2.2).

No object may have a key twice (section 2.4: each property at most once). orjson keeps the last of
them; so a text that may have more keys than its value is read once more, by the standard library's
parser, and so is what orjson refuses or a double would round. That one tells the faults.
"""

import json
import re
from collections import Counter
from collections.abc import Iterable
from typing import Any, NoReturn

import orjson

from chassis.errors import FieldViolation, Invalid

MAX_DEPTH = 64
"""Levels of objects and arrays in one document; the store takes 100."""
_SURROGATE = re.compile(r"\\u[dD][89a-fA-F]")
# Each key ends with the first, or with the second, which is rare; some strings hold them as well.
_KEY_END, _OTHER_KEY_END = b'":', re.compile(rb'"[ \t\n\r]+:')
# orjson makes doubles of larger integers.
_LARGEST_EXACT = 2.0**63
_DOUBTFUL = object()


def parse_json(raw: bytes, field: str = "body") -> Any:
    """Return the value of a JSON text in UTF-8.

    Raises Invalid, with `field` and the place: other encodings, what is not JSON, NaN and
    infinities, a number beyond the range of a double, a key twice in one object, half of a
    surrogate pair, more than MAX_DEPTH levels.
    """
    value = _undoubted(raw)
    return _strictly_read(raw, field) if value is _DOUBTFUL else value


def _undoubted(raw: bytes) -> Any:
    """Return the value of a text in which nothing can be wrong, else _DOUBTFUL."""
    try:
        value = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return _DOUBTFUL
    is_whole = _count_keys(value) == raw.count(_KEY_END) and not _OTHER_KEY_END.search(raw)
    return value if is_whole else _DOUBTFUL


def _count_keys(value: Any) -> int | None:
    """Return how many keys a value has in all its objects; None if it has too many levels, or a
    number that may have been rounded.
    """
    keys, level = 0, [value]
    for _ in range(MAX_DEPTH):
        inner: list[Any] = []
        for each in level:
            kind = type(each)
            if kind is dict:
                keys += len(each)
                inner += each.values()
            elif kind is list:
                inner += each
            elif kind is float and abs(each) >= _LARGEST_EXACT:
                return None
        if not inner:
            return keys
        level = inner
    return None


def _strictly_read(raw: bytes, field: str) -> Any:
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
