"""Trials that take minutes: `make test-deep`, which sets TANDEM_DEEP and runs what is marked."""

import os

import pytest

DEEP = bool(os.environ.get("TANDEM_DEEP"))
deep = pytest.mark.deep
"""Goes on longer there."""
only_deep = pytest.mark.skipif(not DEEP, reason="takes minutes: make test-deep")
