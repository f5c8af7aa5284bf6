"""A proxy of TCP that cuts connections in the middle of an answer, or keeps what they send for a while."""

from __future__ import annotations

import contextlib
import socket
import threading


class CuttingProxy:
    """Hands on what it is sent, until it is told after how many bytes of answers to cut."""

    def __init__(self, port: int) -> None:
        self._server_port = port
        self._left: int | None = None
        self._once = False
        self._changing = threading.Lock()
        self._listens = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listens.getsockname()[1]
        self.cuts = 0
        self.questions_go, self.answers_go = threading.Event(), threading.Event()
        self.questions_go.set()
        self.answers_go.set()
        self.keeps = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def cut_after(self, answered: int | None, *, once: bool = False) -> None:
        """Cut each connection that is open when so many bytes more were answered, or only one; ``None``: never."""
        with self._changing:
            self._left, self._once = answered, once

    def close(self) -> None:
        self._listens.close()

    def _keep_until(self, go: threading.Event) -> None:
        """Keep one connection's, whoever comes first, until they are let go; others go on."""
        if not go.is_set():
            with self._changing:
                self.keeps += 1
                is_first = self.keeps == 1
            if is_first:
                go.wait(20)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listens.accept()[0]
                server = socket.create_connection(("127.0.0.1", self._server_port))
                for target, given in ((self._ask, (client, server)), (self._answer, (server, client))):
                    threading.Thread(target=target, args=given, daemon=True).start()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                self._keep_until(self.questions_go)
                server.sendall(data)
        _end(client, server)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                self._keep_until(self.answers_go)
                with self._changing:
                    part = data if self._left is None else data[: self._left]
                    if self._left is not None:
                        self._left -= len(part)
                    is_cut = len(part) < len(data)
                    if is_cut:
                        self.cuts, self._left = self.cuts + 1, None if self._once else 0
                client.sendall(part)
                if is_cut:
                    break
        _end(client, server)


def _end(*ends: socket.socket) -> None:
    for each in ends:
        with contextlib.suppress(OSError):
            each.shutdown(socket.SHUT_RDWR)
        each.close()
