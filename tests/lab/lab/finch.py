# SPDX-License-Identifier: GPL-2.0-or-later
"""Finch with the sipe plugin: a client of another make that speaks Communicator's dialect, on a terminal that nobody looks at."""

import os
import pty
from pathlib import Path

_ACCOUNTS = """\
<?xml version='1.0' encoding='UTF-8' ?>
<account version='1.0'><account>
  <protocol>prpl-sipe</protocol><name>{user}@example.com,{user}</name><password>lab</password>
  <statuses><status type='available' name='Available' active='true'><attributes/></status></statuses>
  <settings>
    <setting name='server' type='string'>{server}:5060</setting>
    <setting name='transport' type='string'>tcp</setting>
    <setting name='useragent' type='string'>UCCP/2.0.6362.0 OC/2.0.6362.0 (Microsoft Office Communicator)</setting>
  </settings>
  <settings ui='gnt-purple'><setting name='auto-login' type='bool'>1</setting></settings>
</account></account>
"""


class Finch:
    """Signs in by itself as soon as it runs."""

    def __init__(self, lab, host, user, server):
        folder = Path(lab.directory) / f"finch-{user}"
        folder.mkdir()
        (folder / "accounts.xml").write_text(_ACCOUNTS.format(user=user, server=server))
        self._log = folder / "log"
        # Nobody reads what it draws, so that must not fill up: the other end stays open, and output is thrown away by a reader.
        self._master, terminal = pty.openpty()
        os.set_blocking(self._master, False)
        with self._log.open("wb") as log:
            self._process = host.popen(
                ["finch", "-d", "-c", folder], stdin=terminal, stdout=terminal, stderr=log,
                env={**os.environ, "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}, start_new_session=True,
            )
        os.close(terminal)

    @property
    def log(self):
        """What it tells about itself; reading it empties its screen."""
        try:
            while os.read(self._master, 65536):
                pass
        except (BlockingIOError, OSError):
            pass
        return self._log.read_text(errors="replace")

    def close(self):
        self._process.kill()
        self._process.wait()
        os.close(self._master)
