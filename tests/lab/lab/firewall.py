# SPDX-License-Identifier: GPL-2.0-or-later
"""The operator's firewall in the gateway: an ordinary one, and never edited for the daemon's sake."""

from lab.namespaces import CommandFailed

# The mark of passage = "mark" as the tests configure it, and the operator's one rule for it.
PASSAGE_MARK = 0x10000
PASSAGE_MASK = 0x10000
MARK_RULE = f"meta mark & {PASSAGE_MASK:#x} == {PASSAGE_MARK:#x} accept"

_RULESET = """\
table inet filter {{
    chain input {{
        type filter hook input priority filter; policy drop;
        ct state established,related accept
        iifname "lo" accept
        meta l4proto {{ icmp, ipv6-icmp }} accept
        iifname "inside" accept
    }}
    chain forward {{
        type filter hook forward priority filter; policy {policy};
        ct state established,related accept
        iifname "inside" accept
        {extra}
    }}
{nat}}}
"""
_MASQUERADE = """\
    chain postrouting {{
        type nat hook postrouting priority srcnat; policy accept;
        {rules}
    }}
"""


def ruleset(extra_forward_rule="", permissive=False, nat=()):
    """As text for nft. nat: the outside interfaces that hide the inside hosts."""
    rules = "\n        ".join(f'oifname "{name}" masquerade' for name in nat)
    masquerade = _MASQUERADE.format(rules=rules) if nat else ""
    return _RULESET.format(policy="accept" if permissive else "drop", extra=extra_forward_rule, nat=masquerade)


class Firewall:
    """permissive: forwards everything; for control experiments that show that the lab itself would let media through.
    nat: the outside interfaces whose addresses hide the inside hosts."""

    def __init__(self, gateway, extra_forward_rule="", permissive=False, nat=()):
        self._gateway = gateway
        self._text = ruleset(extra_forward_rule, permissive, nat)
        gateway.nft(self._text)
        self._as_loaded = self.listing()

    def listing(self):
        return self._gateway.nft("list table inet filter")

    def reload(self):
        """What `systemctl reload nftables` does: everything out, the operator's own in, in one transaction."""
        self._gateway.nft("flush ruleset\n" + self._text)

    def assert_untouched(self):
        """Fails if anyone changed the operator's table, or put rules anywhere but in a table of the daemon's own."""
        now = self.listing()
        assert now == self._as_loaded, f"the operator's table was changed:\n{self._as_loaded}\nis now\n{now}"
        tables = set(self._gateway.nft("list tables").split("\n")) - {""}
        foreign = tables - {"table inet filter", "table inet messenger_alg"}
        assert not foreign, f"tables that nobody asked for: {foreign}"

    def delete_daemon_table(self):
        """Somebody removes the daemon's table; it must be there for that to mean anything."""
        try:
            self._gateway.nft("delete table inet messenger_alg")
        except CommandFailed as failure:
            raise AssertionError(f"no table to delete: {failure}") from failure
