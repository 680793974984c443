# SPDX-License-Identifier: GPL-2.0-or-later
"""A certificate for the server, made for one test, and both ends' settings. TLS 1.2 is the oldest that today's OpenSSL speaks
without being talked into it; Messenger spoke 1.0, and to a gateway the two look the same."""

import ssl
import subprocess
from pathlib import Path

from lab.messenger.signing import SERVER


def contexts(directory):
    """SSLContext of the server and of its clients, who trust it alone."""
    key, certificate = Path(directory) / "lcs.key", Path(directory) / "lcs.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
         "-keyout", key, "-out", certificate, "-subj", f"/CN={SERVER}", "-addext", f"subjectAltName=DNS:{SERVER}"],
        check=True, capture_output=True,
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(certificate, key)
    client = ssl.create_default_context(cafile=certificate)
    for context in (server, client):
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    return server, client
