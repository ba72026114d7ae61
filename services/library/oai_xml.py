"""The answers of OAI-PMH as XML (section 3.2)."""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from xml.etree.ElementTree import Element, SubElement

from services.library.domain.dublin_core import elements
from services.library.domain.oai import PREFIX, Fault, identifier, written
from services.library.oai_queries import Header, Record
from services.library.xml import add, document, element

_OAI = "http://www.openarchives.org/OAI/2.0/"
_OAI_DC = "http://www.openarchives.org/OAI/2.0/oai_dc/"
_OAI_DC_SCHEMA = "http://www.openarchives.org/OAI/2.0/oai_dc.xsd"
_OAI_ID = "http://www.openarchives.org/OAI/2.0/oai-identifier"
_XSI = "http://www.w3.org/2001/XMLSchema-instance"


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
    add(root, "responseDate", written(now))
    add(root, "request", url, arguments)
    root.extend(content)
    return document(root)


def error(fault: Fault) -> Element:
    """Return an error (section 3.6)."""
    return element("error", fault.text, {"code": fault.code})


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
        yield element(field, text)
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
        add(form, field, text)
    yield description


def metadata_format() -> Element:
    """Return the only metadata format: unqualified Dublin Core (section 5)."""
    found = Element("metadataFormat")
    add(found, "metadataPrefix", PREFIX)
    add(found, "schema", _OAI_DC_SCHEMA)
    add(found, "metadataNamespace", _OAI_DC)
    return found


def a_set(spec: str, name: str) -> Element:
    """Return a set (section 4.6)."""
    found = Element("set")
    add(found, "setSpec", spec)
    add(found, "setName", name)
    return found


def header(of: Header, namespace: str) -> Element:
    """Return the header of a record (section 2.5)."""
    found = Element("header", {"status": "deleted"} if of.is_deleted else {})
    add(found, "identifier", identifier(namespace, of.item_id))
    add(found, "datestamp", written(of.datestamp))
    add(found, "setSpec", f"kind:{of.kind.lower()}")
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
            add(description, f"dc:{name}", text)
    return found


def resumption_token(token: str) -> Element:
    """Return where the list continues (section 3.5); "" after its last page."""
    return element("resumptionToken", token)
