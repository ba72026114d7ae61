"""The versions of xAPI that the LRS speaks."""

from enum import Enum


class Version(Enum):
    """A version of xAPI, as X-Experience-API-Version names it."""

    V1_0_3 = "1.0.3"
    V2_0_0 = "2.0.0"
