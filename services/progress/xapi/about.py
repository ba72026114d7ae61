"""The about resource: what the LRS speaks (xAPI 1.0.3, part 3, section 2.8; xAPI 2.0.0, section
4.1.6.7).
"""

import json

from services.progress.domain.xapi.versions import Version
from services.progress.xapi.exchange import XapiAnswer, XapiRequest

# A client of 1.0.3 knows only these versions; one of 2.0.0 is told the newer one, too.
OF_1_0 = ("1.0.0", "1.0.1", "1.0.2", "1.0.3")
ALL = (*OF_1_0, "2.0.0")


def about(request: XapiRequest) -> XapiAnswer:
    """Answer the versions of xAPI that the LRS speaks."""
    versions = OF_1_0 if request.version is Version.V1_0_3 else ALL
    body = json.dumps({"version": versions}).encode()
    return XapiAnswer(200, body, "application/json")
