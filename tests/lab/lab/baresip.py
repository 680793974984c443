# SPDX-License-Identifier: GPL-2.0-or-later
"""baresip without a screen or a sound card: it plays a file into the call and records what it hears.

Commands and events go over its ctrl_tcp socket: JSON in netstrings (LENGTH:TEXT,).
"""

import json
import select
import signal
import socket
import subprocess
import time
from pathlib import Path

from lab.namespaces import wait_until

_CONFIG = """\
sip_listen {listen}
audio_source aufile,{sound}
audio_player aubridge,nowhere
audio_alert aubridge,nowhere
ausrc_srate 8000
auplay_srate 8000
ausrc_channels 1
auplay_channels 1
rtp_ports {first_port}-{last_port}
rtcp_mux no
jitter_buffer_delay 1-5
module_path {modules}
module g711.so
module aufile.so
module aubridge.so
module sndfile.so
module_tmp uuid.so
module_tmp account.so
module_app ctrl_tcp.so
module_app menu.so
ctrl_tcp_listen 127.0.0.1:4444
snd_path {folder}
"""
MODULES = Path("/usr/lib/baresip/modules")


class Baresip:
    """registrar: a Host, to register with as sip:HOST@registrar, for regint seconds at a time, and to call through; None
    calls directly."""

    def __init__(self, lab, host, family, sound, first_port, transport="udp", registrar=None, password="lab",
                 regint=600):
        self.host = host
        self.events = []
        self._data = b""
        self.folder = Path(lab.directory) / f"baresip-{host.host}"
        self.folder.mkdir()
        address = host.address(family)
        listen = f"[{address}]:5060" if family == 6 else f"{address}:5060"
        values = {"listen": listen, "sound": sound, "first_port": first_port, "last_port": first_port + 10}
        (self.folder / "config").write_text(_CONFIG.format(modules=MODULES, folder=self.folder, **values))
        domain = "lab.example" if registrar else listen
        self.uri = f"sip:{host.host}@{domain}"
        account = f"<{self.uri};transport={transport}>;answermode=auto;audio_codecs=pcmu;auth_pass={password}"
        if registrar:
            proxy = registrar.address(family)
            proxy = f"[{proxy}]" if family == 6 else proxy
            account += f';outbound="sip:{proxy}:5060;transport={transport}";regint={regint}'
        else:
            self.uri += f";transport={transport}"
            account += ";regint=0"
        (self.folder / "accounts").write_text(account + "\n")
        (self.folder / "contacts").touch()
        self._log = self.folder / "log"
        with self._log.open("wb") as log:
            argv = ["baresip", "-f", self.folder]
            self._process = host.popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=self.folder)
        self._control = wait_until(self._connect, 10, f"baresip's control socket on {host.host}", step=0.1)

    def _connect(self):
        assert self._process.poll() is None, f"baresip ended at once\n{self.log}"
        control = self.host.socket(socket.AF_INET, socket.SOCK_STREAM)
        try:
            control.connect(("127.0.0.1", 4444))
        except ConnectionRefusedError:
            control.close()
            return None
        return control

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    def command(self, name, parameters=""):
        text = json.dumps({"command": name, "params": parameters, "token": name})
        self._control.sendall(f"{len(text)}:{text},".encode())

    def _read(self, seconds):
        if not select.select([self._control], [], [], seconds)[0]:
            return
        self._data += self._control.recv(65536)
        while b":" in self._data:
            length, _, rest = self._data.partition(b":")
            size = int(length)
            if len(rest) < size + 1:
                break
            self.events.append(json.loads(rest[:size]))
            self._data = rest[size + 1 :]

    def wait_event(self, kind, seconds=10):
        """An event of a type, such as CALL_ESTABLISHED; each is given once."""
        deadline = time.monotonic() + seconds
        while True:
            for event in self.events:
                if event.get("type") == kind:
                    self.events.remove(event)
                    return event
            left = deadline - time.monotonic()
            if left <= 0:
                kinds = [event.get("type") for event in self.events]
                raise AssertionError(f"no {kind} of {self.host.host}'s baresip in {seconds} s, but {kinds}\n{self.log}")
            self._read(left)

    def wait_registered(self):
        """From the log: the event may be over before there is a control connection."""
        wait_until(lambda: "[1 binding]" in self.log, 10, f"{self.host.host}'s baresip to register", step=0.1)

    def recording(self):
        """The sound that came out of the call's far end, or None when there never was any."""
        found = sorted(self.folder.glob("dump-*-dec.wav"))
        return found[-1] if found else None

    def close(self):
        self._control.close()
        if self._process.poll() is None:
            self._process.send_signal(signal.SIGKILL)
            self._process.wait()
