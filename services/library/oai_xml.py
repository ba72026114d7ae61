"""The answers of OAI-PMH as XML (section 3.2)."""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement, tostring

from services.library.domain.dublin_core import elements
from services.library.domain.oai import PREFIX, Fault, identifier, written
from services.library.oai_queries import Header, Record

_OAI = "http://www.openarchives.org/OAI/2.0/"
_OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_OAI_DC_SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_OAI_ID = "http://www.openarchives.org/OAI/2.0/oai-identifier"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"
# Characters that XML 1.0 does not have (section 2.2).
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def response(
    url: str, now: datetime, arguments: Mapping[str, str], content: Iterable[Element]
) -> bytes:
    """Return an answer. `url`: the repository's; `arguments`: the request's, if they are legal."""
    root = Element(
        "OAI-PMH",
        {
            "xmlns": _OAI,
            "xmlns:xsi": _XSI,
            "xsi:schemaLocation": f"{_OAI} http://www.openarchives.org/OAI/2.0/OAI-PMH.xsd",
        },
    )
    _add(root, "responseDate", written(now))
    _add(root, "request", url, arguments)
    root.extend(content)
    answer: bytes = tostring(root, "UTF-8", xml_declaration=True)
    return answer


def error(fault: Fault) -> Element:
    """Return an error (section 3.6)."""
    return _of("error", fault.text, {"code": fault.code})


def verb(name: str, content: Iterable[Element]) -> Element:
    """Return the element that has a verb's answer."""
    found = Element(name)
    found.extend(content)
    return found


def identify(
    url: str, name: str, email: str, namespace: str, earliest: datetime
) -> Iterator[Element]:
    """Yield what Identify tells (section 4.2), at last the form of identifiers."""
    for field, text in (
        ("repositoryName", name),
        ("baseURL", url),
        ("protocolVersion", "2.0"),
        ("adminEmail", email),
        ("earliestDatestamp", written(earliest)),
        ("deletedRecord", "persistent"),
        ("granularity", "YYYY-MM-DDThh:mm:ssZ"),
    ):
        yield _of(field, text)
    description = Element("description")
    form = SubElement(
        description,
        "oai-identifier",
        {
            "xmlns": _OAI_ID,
            "xsi:schemaLocation": f"{_OAI_ID} http://www.openarchives.org/OAI/2.0/oai-identifier.xsd",
        },
    )
    for field, text in (
        ("scheme", "oai"),
        ("repositoryIdentifier", namespace),
        ("delimiter", ":"),
        ("sampleIdentifier", identifier(namespace, "01890a5d-ac96-774b-bcce-b302099a8057")),
    ):
        _add(form, field, text)
    yield description


def metadata_format() -> Element:
    """Return the only metadata format: unqualified Dublin Core (section 5)."""
    found = Element("metadataFormat")
    _add(found, "metadataPrefix", PREFIX)
    _add(found, "schema", _OAI_DC_SCHEMA)
    _add(found, "metadataNamespace", _OAI_DC)
    return found


def a_set(spec: str, name: str) -> Element:
    """Return a set (section 4.6)."""
    found = Element("set")
    _add(found, "setSpec", spec)
    _add(found, "setName", name)
    return found


def header(of: Header, namespace: str) -> Element:
    """Return the header of a record (section 2.5)."""
    found = Element("header", {"status": "deleted"} if of.is_deleted else {})
    _add(found, "identifier", identifier(namespace, of.item_id))
    _add(found, "datestamp", written(of.datestamp))
    _add(found, "setSpec", f"kind:{of.kind.lower()}")
    return found


def record(of: Record, namespace: str) -> Element:
    """Return a record (section 2.5); of a tombstone it is the header only."""
    found = Element("record")
    found.append(header(of.header, namespace))
    if of.item:
        newer = identifier(namespace, of.newer_id) if of.newer_id else ""
        description = SubElement(
            SubElement(found, "metadata"),
            "oai_dc:dc",
            {
                "xmlns:oai_dc": _OAI_DC,
                "xmlns:dc": "http://purl.org/dc/elements/1.1/",
                "xsi:schemaLocation": f"{_OAI_DC} {_OAI_DC_SCHEMA}",
            },
        )
        for name, text in elements(of.item, newer):
            _add(description, f"dc:{name}", text)
    return found


def resumption_token(token: str) -> Element:
    """Return where the list continues (section 3.5); "" after its last page."""
    return _of("resumptionToken", token)


def _add(
    parent: Element, name: str, text: str, attributes: Mapping[str, str] | None = None
) -> None:
    parent.append(_of(name, text, attributes))


def _of(name: str, text: str, attributes: Mapping[str, str] | None = None) -> Element:
    found = Element(name, {key: _clean(value) for key, value in (attributes or {}).items()})
    found.text = _clean(text)
    return found


def _clean(text: str) -> str:
    """Return a text with U+FFFD for each character that XML 1.0 does not have."""
    return _NO_XML.sub("\ufffd", text)
