# SPDX-License-Identifier: GPL-2.0-or-later
"""Kamailio on the outside server: registrar and stateful, record-routing proxy. It never touches SDP or media."""

import os
import signal
import subprocess
from pathlib import Path

from lab.namespaces import wait_until

_CONFIG = """\
#!KAMAILIO
debug=2
log_stderror=yes
fork=yes
children=2
tcp_children=2
{listen}
alias="lab.example"
mpath="{modules}"
loadmodule "tm.so"
loadmodule "tmx.so"
loadmodule "sl.so"
loadmodule "rr.so"
loadmodule "pv.so"
loadmodule "maxfwd.so"
loadmodule "textops.so"
loadmodule "siputils.so"
loadmodule "usrloc.so"
loadmodule "registrar.so"
loadmodule "auth.so"
loadmodule "kex.so"
loadmodule "nathelper.so"
modparam("rr", "append_fromtag", 0)
modparam("registrar", "append_branches", 1)
modparam("registrar", "min_expires", 1)
modparam("nathelper|registrar", "received_avp", "$avp(received)")

# Requests to a client over TCP go back over the connection that it made; its firewall lets no other in.
onreply_route {{
    if (proto == TCP && $hdr(Contact) != $null) set_contact_alias();
}}

request_route {{
    if (!mf_process_maxfwd_header("10")) {{ sl_send_reply("483", "Too Many Hops"); exit; }}
    if (is_method("CANCEL")) {{
        if (t_check_trans()) t_relay();
        exit;
    }}
    if (has_totag()) {{
        loose_route();
        handle_ruri_alias();
        # Messenger's Contact is its user at the domain.
        if ($rd == "example.com") lookup("location");
        if (proto == TCP && $hdr(Contact) != $null) set_contact_alias();
        if (is_method("ACK") && !t_check_trans() && !isdsturiset() && uri == myself) exit;
        t_relay();
        exit;
    }}
    if ({authenticate} && is_method("REGISTER|INVITE") && uri == myself) {{
        if (!pv_auth_check("lab.example", "{password}", "0", "0")) {{
            if (is_method("REGISTER")) www_challenge("lab.example", "0");
            else proxy_challenge("lab.example", "0");
            exit;
        }}
        consume_credentials();
    }}
    if (is_method("REGISTER")) {{
        if (proto == TCP) fix_nated_register();
        if (!save("location")) sl_reply_error();
        exit;
    }}
    record_route();
    if (proto == TCP) set_contact_alias();
    if ((uri == myself || $rd == "example.com") && !lookup("location")) {{ sl_send_reply("404", "Not Found"); exit; }}
    t_relay();
}}
"""
PASSWORD = "lab"


def _module_folder():
    found = [path.parent for path in Path("/usr/lib").glob("*/kamailio/modules/tm.so")]
    assert found, "kamailio's modules are not installed"
    return found[0]


class Kamailio:
    """authenticate: challenge REGISTER and INVITE (401, 407); any user with PASSWORD is right."""

    def __init__(self, lab, host=None, authenticate=False):
        self.host = host or lab.server
        folder = Path(lab.directory) / "kamailio"
        folder.mkdir()
        addresses = [self.host.ip4, f"[{self.host.ip6}]"]
        listen = "\n".join(f"listen={proto}:{address}:5060" for address in addresses for proto in ("udp", "tcp"))
        config = folder / "kamailio.cfg"
        config.write_text(
            _CONFIG.format(
                listen=listen, modules=_module_folder(), authenticate=int(authenticate), password=PASSWORD
            )
        )
        self._log = folder / "log"
        # -DD: stays in the foreground with its worker processes.
        argv = ["kamailio", "-DD", "-E", "-f", config, "-Y", folder, "-P", folder / "pid", "-m", "32", "-M", "8"]
        with self._log.open("wb") as log:
            self._process = self.host.popen(
                argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=folder, start_new_session=True
            )
        self._wait_listening(len(addresses))

    def _wait_listening(self, count):
        def listening():
            assert self._process.poll() is None, f"kamailio ended at once\n{self.log}"
            return all(self.host.run("ss", "-Hln", proto).count(":5060 ") >= count for proto in ("--udp", "--tcp"))

        wait_until(listening, 10, "kamailio to listen")

    @property
    def log(self):
        return self._log.read_text(errors="replace")

    @property
    def address(self):
        return self.host.ip4, 5060

    def close(self):
        """With its workers. After SIGTERM it sometimes lives on for more than five seconds, and it has nothing to save."""
        if self._process.poll() is None:
            os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()
