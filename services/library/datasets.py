"""Opens datasets as far as it takes to see that they are whole and can be read.

Only the probe's process imports this. Tables and JSON are read; of the binary formats, what tells
their length is read, so that a file that was cut short is refused.
"""

import csv
import io
import json
from collections.abc import Iterator
from typing import NoReturn

from services.library.domain import types
from services.library.domain.verification import Fault
from services.library.ranges import SHORTEST, RangedFile

MIB = 2**20
# Of a longer table, only this many bytes are read, or a little more.
MOST_TEXT = 64 * MIB
# Characters of a cell, and of a line.
LONGEST_CELL = MIB
LONGEST_LINE = 16 * MIB
# Bytes. A document of JSON takes many times its size in memory, because it is read as a whole.
LONGEST_JSON = 32 * MIB
_PARQUET = b"PAR1"
_HDF5 = b"\x89HDF\r\n\x1a\n"
# Where HDF5's superblock, by its version, tells the size of an address, and where its addresses
# begin (HDF5 file format specification 3.0, section II.A).
_SUPERBLOCKS = {0: (13, 24), 1: (13, 28), 2: (9, 12), 3: (9, 12)}


class _Tabs(csv.excel_tab):
    """TSV, as IANA has it: a tab ends a cell, and quotes mean nothing."""

    quoting = csv.QUOTE_NONE


def open_dataset(media_type: str, file: RangedFile) -> None:
    """Open a dataset. Raises Fault if it can't be read, and whatever hostile bytes cause."""
    if media_type in (types.CSV, types.TSV):
        _open_table(media_type, file)
    elif media_type == types.JSON:
        _open_json(file)
    elif media_type == types.PARQUET:
        _open_parquet(file)
    elif media_type in (types.HDF5, types.NETCDF):
        _open_hdf5(file)
    else:
        _open_json_lines(file)


def _open_table(media_type: str, file: RangedFile) -> None:
    """CSV as in RFC 4180; rows may have different numbers of cells."""
    csv.field_size_limit(LONGEST_CELL)
    lines = _lines(file)
    rows = csv.reader(lines, _Tabs if media_type == types.TSV else "excel", strict=True)
    try:
        _read(rows, file)
    except csv.Error as error:
        raise Fault(f"its line {rows.line_num} can't be read: {error}") from error


def _open_json_lines(file: RangedFile) -> None:
    _read((_json(line, f"its line {n}") for n, line in enumerate(_lines(file), 1)), file)


def _open_json(file: RangedFile) -> None:
    content = io.BufferedReader(file, SHORTEST).read(LONGEST_JSON + 1)
    if len(content) > LONGEST_JSON:
        raise Fault(f"it has more than {LONGEST_JSON} bytes; send it as {types.JSON_LINES}")
    _json(content.decode("utf-8-sig"), "it")


def _json(text: str, what: str) -> object:
    try:
        return json.loads(text, parse_constant=_refuse)
    except ValueError as error:
        raise Fault(f"{what} is not JSON: {error}") from error


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is no value of JSON")  # RFC 8259, section 6


def _lines(file: RangedFile) -> Iterator[str]:
    text = io.TextIOWrapper(io.BufferedReader(file, SHORTEST), "utf-8-sig", newline="")
    while line := text.readline(LONGEST_LINE):
        if len(line) == LONGEST_LINE:
            raise Fault(f"one of its lines has {LONGEST_LINE} characters or more")
        yield line


def _read(rows: Iterator[object], file: RangedFile) -> None:
    """Read rows to the end of a file, or until MOST_TEXT bytes of it are read."""
    has_rows = False
    for _ in rows:
        has_rows = True
        if file.tell() > MOST_TEXT:
            break
    if not has_rows:
        raise Fault("it has no rows")


def _open_parquet(file: RangedFile) -> None:
    """See Parquet's file format: the length of the metadata, and the signature, end the file."""
    size = file.seek(0, io.SEEK_END)
    end = _bytes(file, max(0, size - 8), 8)
    length = int.from_bytes(end[:4], "little")
    if end[4:] != _PARQUET or not 0 < length <= size - 12:
        raise Fault("it does not end with Parquet's metadata; it was cut short")


def _open_hdf5(file: RangedFile) -> None:
    """Compare the size with what the superblock tells; NetCDF's classic formats tell none."""
    size, head = file.seek(0, io.SEEK_END), _bytes(file, 0, 64)
    if head.startswith(b"CDF"):
        return
    if not head.startswith(_HDF5) or len(head) < 64 or head[8] not in _SUPERBLOCKS:
        raise Fault("it has no superblock of a known version")
    width_at, begin = _SUPERBLOCKS[head[8]]
    width = head[width_at]
    end = int.from_bytes(head[begin + 2 * width : begin + 3 * width], "little")
    if not 0 < end <= size:
        raise Fault(f"its superblock tells {end} bytes; it has {size}")


def _bytes(file: RangedFile, at: int, length: int) -> bytes:
    content = io.BufferedReader(file, SHORTEST)
    content.seek(at)
    return content.read(length)
