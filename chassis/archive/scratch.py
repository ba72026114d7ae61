"""A database of SQLite for what does not fit into memory, which ends with its connection."""

import sqlite3

# Bytes of pages in memory; more are in a file, also while rows are sorted.
CACHE = 8 * 2**20


def open_scratch() -> sqlite3.Connection:
    """Return an empty database in a file without a name, in SQLite's folder for temporary files.

    Nothing is committed: nobody else reads it. https://www.sqlite.org/inmemorydb.html, section
    "Temporary Databases".
    """
    found = sqlite3.connect("")
    found.execute(f"PRAGMA cache_size = -{CACHE // 1024}")
    found.execute("PRAGMA journal_mode = OFF")
    return found
