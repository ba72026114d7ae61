"""Delivery status notifications (RFC 3464), as mail servers send them."""


def dsn(*actions_and_statuses: str) -> bytes:
    """A report; for each recipient an action and a status, as they are."""
    pairs = zip(actions_and_statuses[::2], actions_and_statuses[1::2], strict=True)
    groups = [
        f"Final-Recipient: rfc822; ada@example.com\r\nAction: {action}\r\nStatus: {status}\r\n"
        for action, status in pairs
    ]
    fields = "\r\n".join(["Reporting-MTA: dns; mail.example.com\r\n", *groups])
    text = _REPORT.format(fields=fields).replace("\n", "\r\n").replace("\r\r", "\r")
    return text.encode("utf-8", "surrogateescape")


_REPORT = """From: MAILER-DAEMON@mail.example.com
To: bounces@university.example
Subject: Undelivered Mail Returned to Sender
MIME-Version: 1.0
Content-Type: multipart/report; report-type=delivery-status; boundary="b"

--b
Content-Type: text/plain

The mail could not be delivered.

--b
Content-Type: message/delivery-status

{fields}
--b
Content-Type: text/rfc822-headers

From: tandem@university.example
Subject: To catch up

--b--
"""
