"""Resyncs: a service sends its present state to one subscription (docs/decisions/0090-resync.md).

Digests: a service tells hashes of what it has, so that copies can be compared with originals.
"""
