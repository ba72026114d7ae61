"""Identifiers of works: DOI, ISBN, ISSN and all other URIs, each in one normal form.

A work is found by its normal form, and OAI-PMH tells it as it is (dc:identifier).
"""

import re
import string
from collections.abc import Iterator
from urllib.parse import unquote

from chassis.errors import FieldViolation

KNOWN = "doi:10.1000/182, isbn:978-0-306-40615-7, issn:2049-3630, or another URI"
_DOI = re.compile(r"doi:\s*(?P<name>.*)|https?://(?:dx\.)?doi\.org/(?P<quoted>.*)", re.I)
# ISO 26324, section 4: 10, the registrant's code, which may have parts, and any printable suffix
_DOI_NAME = re.compile(r"10\.[0-9]+(\.[0-9]+)*/\S+")
_ISBN = re.compile(r"(?:urn:isbn:|isbn[: ])(.*)", re.I)
_ISBN_10, _ISBN_13 = re.compile(r"[0-9]{9}[0-9X]"), re.compile(r"97[89][0-9]{10}")
_ISSN = re.compile(r"(?:urn:issn:|issn[: ])(.*)", re.I)
_ISSN_8 = re.compile(r"[0-9]{7}[0-9X]")
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:\S+")  # RFC 3986, section 3
_SEPARATORS = str.maketrans("", "", "- ")
# A DOI is compared without the case of ASCII letters only.
_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)


class WrongIdentifier(Exception):
    """A text is no identifier: what is wrong, and what would be right."""

    def __init__(self, wrong: str, right: str) -> None:
        super().__init__(wrong, right)
        self.wrong, self.right = wrong, right


def normal_form(identifier: str) -> str:
    """Return the normal form: `doi:` in lower case, `urn:isbn:` with 13 digits, `urn:issn:` with
    its hyphen, and any other URI as it is. Raises WrongIdentifier.
    """
    text = identifier.strip()
    if doi := _DOI.fullmatch(text):
        return _doi(unquote(doi["quoted"]) if doi["name"] is None else doi["name"])
    if isbn := _ISBN.fullmatch(text):
        return _isbn(_compact(isbn[1]))
    if issn := _ISSN.fullmatch(text):
        return _issn(_compact(issn[1]))
    if not _URI.fullmatch(text):
        raise WrongIdentifier(f"is {text[:80]!r}, which names no scheme", KNOWN)
    return text


def identifier_violations(field: str, identifier: str) -> Iterator[FieldViolation]:
    """Yield a violation if the text of a field is no identifier."""
    try:
        normal_form(identifier)
    except WrongIdentifier as error:
        yield FieldViolation(field, error.wrong, error.right)


def _doi(name: str) -> str:
    if not (_DOI_NAME.fullmatch(name) and name.isprintable()):
        raise WrongIdentifier(
            f"is {name[:80]!r}, which is no DOI", "10.<registrant>/<suffix>, as in doi:10.1000/182"
        )
    return "doi:" + name.translate(_LOWER)


def _isbn(digits: str) -> str:
    if _ISBN_10.fullmatch(digits):
        _compare(digits, _mod_11(digits[:9]))
        return "urn:isbn:" + _isbn_13("978" + digits[:9])
    if not _ISBN_13.fullmatch(digits):
        raise WrongIdentifier(
            f"is {digits[:80]!r}, which is no ISBN", "10 digits, or 13 that begin with 978 or 979"
        )
    _compare(digits, _isbn_13(digits[:12])[-1])
    return "urn:isbn:" + digits


def _issn(digits: str) -> str:
    if not _ISSN_8.fullmatch(digits):
        raise WrongIdentifier(
            f"is {digits[:80]!r}, which is no ISSN", "8 digits, as in issn:2049-3630"
        )
    _compare(digits, _mod_11(digits[:7]))
    return f"urn:issn:{digits[:4]}-{digits[4:]}"


def _compare(digits: str, right: str) -> None:
    if digits[-1] != right:
        raise WrongIdentifier(
            f"is {digits}, whose check digit is wrong", f"{digits[:-1]}{right}, or other digits"
        )


def _mod_11(digits: str) -> str:
    """Return the check digit of an ISBN-10 (ISO 2108) or an ISSN (ISO 3297): X is ten."""
    weighted = sum(weight * int(each) for weight, each in enumerate(reversed(digits), start=2))
    return "0123456789X"[-weighted % 11]


def _isbn_13(digits: str) -> str:
    """Return the ISBN-13 that begins with 12 digits (ISO 2108): the weights are 1, 3, 1, ..."""
    weighted = sum(int(each) * (1 + 2 * (place % 2)) for place, each in enumerate(digits))
    return digits + str(-weighted % 10)


def _compact(text: str) -> str:
    return text.translate(_SEPARATORS).upper()
