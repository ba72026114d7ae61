"""A mail server that gives the answers of a test."""

import socketserver
import threading
from collections.abc import Iterator
from contextlib import contextmanager

HANG_UP = "hang up"


class Script:
    """The server's answers to a command, by the command's first word ("." after the text).

    Each command takes the next of its answers; without answers left, the server agrees. HANG_UP
    ends the connection without an answer.
    """

    def __init__(self, **answers: list[str]) -> None:
        self._answers = {key.replace("dot", "."): list(value) for key, value in answers.items()}
        self.texts: list[str] = []
        self.senders: list[str] = []
        """Of the envelopes of all mails that were begun."""
        self.connections = 0
        self.url = ""

    def answer(self, word: str) -> str:
        """The next answer to a command."""
        waiting = self._answers.get(word, [])
        return waiting.pop(0) if waiting else _AGREED.get(word, "250 2.0.0 fine")


_AGREED = {"data": "354 go on", "quit": "221 2.0.0 bye"}


class _Handler(socketserver.StreamRequestHandler):
    """One connection."""

    script: Script

    def handle(self) -> None:
        self.script.connections += 1
        self.wfile.write(b"220 test ESMTP\r\n")
        for line in self.rfile:
            if line.lower().startswith(b"mail from:<"):
                self.script.senders.append(line.decode()[11:].partition(">")[0])
            if not self._react(line.split()[0].decode().lower()):
                return

    def _react(self, word: str) -> bool:
        answer = self.script.answer(word)
        if not self._say(answer):
            return False
        if word == "data" and answer.startswith("354"):
            text = b"".join(iter(self.rfile.readline, b".\r\n"))
            self.script.texts.append(text.decode())
            return self._say(self.script.answer("."))
        return word != "quit"

    def _say(self, answer: str) -> bool:
        if answer == HANG_UP:
            return False
        self.wfile.write(answer.encode() + b"\r\n")
        return not answer.startswith("421")


@contextmanager
def playing(script: Script) -> Iterator[Script]:
    """Run the server; its `url` is set."""
    handler = type("Handler", (_Handler,), {"script": script})
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), handler) as server:
        script.url = f"smtp://127.0.0.1:{server.server_address[1]}"
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield script
        finally:
            server.shutdown()
            thread.join()
