"""`python -m chassis.operations.probe` exits with 0 if the role in this container is ready, else 1.

It asks the port of TANDEM_OPS_ADDRESS, with the standard library alone: it runs every few seconds.
"""

import os
import sys
import urllib.error
import urllib.request

TIMEOUT = 2.0


def main() -> int:
    """Ask /ready; print on standard error why the role is not ready."""
    port = os.environ.get("TANDEM_OPS_ADDRESS", "").rpartition(":")[2]
    if not port:
        print("TANDEM_OPS_ADDRESS does not say where to ask: host:port", file=sys.stderr)
        return 1
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/ready", timeout=TIMEOUT):
            return 0
    except urllib.error.HTTPError as error:
        print(error.read().decode(errors="replace"), file=sys.stderr)
    except OSError as error:
        print(error, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
