# SPDX-License-Identifier: GPL-2.0-or-later
"""A TLS server and its clients, with Python's ssl and a certificate of openssl's: what they say nobody on the way can read."""

import socket
import ssl
import subprocess
import threading

PORT = 5061


class TlsServer:
    """Answers every connection, and says back what it hears."""

    def __init__(self, host, directory, port=PORT):
        self._key, self._certificate = f"{directory}/tls.key", f"{directory}/tls.pem"
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
             "-subj", "/CN=lcs.example.com", "-keyout", self._key, "-out", self._certificate],
            check=True, capture_output=True, timeout=20,
        )  # fmt: skip
        self.address = (host.ip4, port)
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(self._certificate, self._key)
        self._listener = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._listener.bind(self.address)
        self._listener.listen()
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self):
        while True:
            try:
                raw = self._listener.accept()[0]
            except OSError:
                return
            threading.Thread(target=self._serve, args=(raw,), daemon=True).start()

    def _serve(self, raw):
        try:
            with self._context.wrap_socket(raw, server_side=True) as connection:
                while data := connection.recv(65536):
                    connection.sendall(data)
        except OSError:
            raw.close()

    def close(self):
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


class TlsClient:
    """source_port: 0 for any."""

    def __init__(self, host, server, source_port=0):
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        raw = host.socket(socket.AF_INET, socket.SOCK_STREAM)
        raw.settimeout(5)
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        raw.bind((host.ip4, source_port))
        raw.connect(server.address)
        self.connection = context.wrap_socket(raw)

    def say(self, text=b"OPTIONS sip:example.com SIP/2.0\r\n\r\n"):
        """Says something, and hears it again."""
        self.connection.sendall(text)
        heard = b""
        while len(heard) < len(text):
            more = self.connection.recv(65536)
            assert more, "the server has ended the connection"
            heard += more
        assert heard == text

    def close(self):
        self.connection.close()
