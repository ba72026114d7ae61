"""Sends text messages by a gateway with Twilio's REST API: the resource Messages of 2010-04-01."""

import base64
import json
import re
from urllib.parse import unquote, urlencode, urlsplit

from chassis.edge.calls import Answer, Caller, CallFailed, Calling, Limits, NotReached
from services.notify.domain.messages import Outcome, SendResult
from services.notify.domain.short import Sms

LIMITS = Limits(connect=3, read=10, total=20, size=64 * 1024)
_SERVICE = re.compile("MG[0-9a-fA-F]{32}")  # a Messaging Service chooses among several senders
OPTED_OUT = 21610
"""The recipient has answered STOP (Twilio's dictionary of errors)."""
# The account is not known, or has reached its rate: the next message would fare the same. So it
# would if the account is not active (10001), or is suspended (20003), whatever the status.
_STRANGE, _BUSY = frozenset({401, 404}), frozenset({429, 503})
_NOT_ACTIVE = frozenset({10001, 20003})
LONGEST_WAIT = 3600.0  # seconds that a gateway may put off by Retry-After


class Twilio(Calling):
    """A client of the gateway. Use it in a `with`.

    `url`: https://<account>:<token>@api.twilio.com, or another server with the same API. `sender`:
    a number by E.164, a name, or the id of a Messaging Service.
    """

    def __init__(self, url: str, sender: str, limits: Limits = LIMITS) -> None:
        parts = urlsplit(url)
        account, token = unquote(parts.username or ""), unquote(parts.password or "")
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._url = f"{origin}/2010-04-01/Accounts/{account}/Messages.json"
        self._from = {"MessagingServiceSid" if _SERVICE.fullmatch(sender) else "From": sender}
        basic = base64.b64encode(f"{account}:{token}".encode()).decode()  # RFC 7617
        self._headers = {
            "authorization": f"Basic {basic}",
            "content-type": "application/x-www-form-urlencoded",
            "accept": "application/json",
        }
        self._caller = Caller(limits)

    def send(self, sms: Sms, /) -> SendResult:
        """Send a text message, and return the result.

        Twilio takes no id by which it would know a repeat: so what may have been sent is UNKNOWN.
        """
        body = urlencode({"To": sms.to, "Body": sms.text, **self._from}).encode()
        try:
            return _result(self._caller.call("POST", self._url, self._headers, body))
        except NotReached:
            return SendResult(Outcome.AWAY, "the gateway can't be reached")
        except CallFailed:
            return SendResult(Outcome.UNKNOWN, "the gateway did not answer")


def _result(answer: Answer) -> SendResult:
    """Return what an answer means. Its text is not repeated: it may have the number."""
    if 200 <= answer.status < 300:
        return SendResult(Outcome.ACCEPTED)
    code = _code(answer.body)
    reason = f"the gateway answered {answer.status}" + (f" {code}" if code else "")
    if answer.status in _STRANGE or code in _NOT_ACTIVE:
        return SendResult(Outcome.AWAY, reason)
    if answer.status in _BUSY:
        wait = min(answer.retry_after, LONGEST_WAIT)
        return SendResult(Outcome.PUT_OFF, reason, overloaded=True, retry_after=wait)
    if answer.status >= 500:
        return SendResult(Outcome.UNKNOWN, reason)
    return SendResult(Outcome.REFUSED, reason, suppressed=str(code) if code == OPTED_OUT else "")


def _code(body: bytes) -> int:
    """Return the gateway's code of an error; 0 if it told none."""
    try:
        code = json.loads(body)["code"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return 0
    return code if type(code) is int and 0 < code < 10**6 else 0
