"""The manifest: which files an archive has, in which mode, and who made it.

The binding, section 3, manifest.csv: rows of `propertyName,value`.
"""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass, field

from chassis.errors import FieldViolation
from services.catalog.domain.oneroster.files import File, Mode, quoted

NAME = "manifest.csv"
VERSIONS = {"1.2", "1.2.0", "1.2.1"}


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a manifest says; `notes` is what it should say otherwise, and does no harm."""

    modes: Mapping[File, Mode]
    version: str = ""
    source: str = ""
    """source.systemCode, or else source.systemName."""
    notes: tuple[FieldViolation, ...] = field(default=())


def read_manifest(rows: Iterable[list[str]], present: Set[File]) -> Manifest:
    """Return the manifest of an archive in which these data files are `present`.

    A file that is there, but has no right mode, is read as a delta: then nothing is removed because
    it is absent.
    """
    said = {row[0].strip(): row[1].strip() for row in rows if len(row) > 1}
    modes, notes = {}, list[FieldViolation]()
    for file in File:
        modes[file], more = _mode(file, said.get(f"file.{file}", ""), file in present)
        notes += more
    source = said.get("source.systemCode") or said.get("source.systemName", "")
    return Manifest(modes, said.get("oneroster.version", ""), source, tuple(notes))


def without_manifest(present: Set[File]) -> Manifest:
    """Return what is assumed of an archive without a manifest: every file is a delta."""
    modes = {file: Mode.DELTA if file in present else Mode.ABSENT for file in File}
    wrong = "is not in the archive: nothing is removed because it is absent"
    return Manifest(modes, notes=(FieldViolation(NAME, wrong, "a manifest, as the binding says"),))


def version_violations(manifest: Manifest) -> Iterator[FieldViolation]:
    """Yield a violation for an archive of another version than 1.2."""
    if manifest.version and manifest.version not in VERSIONS:
        yield FieldViolation("oneroster.version", f"is {quoted(manifest.version)}", "1.2")


def _mode(file: File, said: str, present: bool) -> tuple[Mode, list[FieldViolation]]:
    name = f"file.{file}"
    known = {mode.value for mode in Mode}
    mode = Mode(said.lower()) if said.lower() in known else Mode.ABSENT
    if not present:
        wrong = f"is {quoted(said)}, and there is no {file.csv}"
        note = [FieldViolation(name, wrong, "absent")] if mode is not Mode.ABSENT else []
        return Mode.ABSENT, note
    if mode is Mode.ABSENT:
        wrong = f"is {quoted(said)}, and {file.csv} is there; it is read as delta"
        return Mode.DELTA, [FieldViolation(name, wrong, "bulk or delta")]
    return mode, []
