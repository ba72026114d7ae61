"""Elements of XML with any texts."""

import re
from collections.abc import Mapping
from xml.etree.ElementTree import Element, tostring

# Characters that XML 1.0 does not have (section 2.2).
_NO_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def element(name: str, text: str, attributes: Mapping[str, str] | None = None) -> Element:
    """Return an element with a text."""
    found = Element(name, {key: _clean(value) for key, value in (attributes or {}).items()})
    found.text = _clean(text)
    return found


def add(parent: Element, name: str, text: str, attributes: Mapping[str, str] | None = None) -> None:
    """Add an element with a text to another one."""
    parent.append(element(name, text, attributes))


def document(root: Element) -> bytes:
    """Return a document in UTF-8 with its declaration."""
    told: bytes = tostring(root, "UTF-8", xml_declaration=True)
    return told


def _clean(text: str) -> str:
    """Return a text with U+FFFD for each character that XML 1.0 does not have."""
    return _NO_XML.sub("\ufffd", text)
