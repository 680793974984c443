# SPDX-License-Identifier: GPL-2.0-or-later
"""Every attack once on the kernel's own SIP helper, where it can be run here, and once on the daemon; told as a
table.
"""

import argparse
import json
import sys

from lab.attacks import addresses, helper, signalling, streams
from lab.attacks.field import Field, HonestCall, openings
from lab.scene import Scene

ATTACKS = streams.ATTACKS + signalling.ATTACKS + addresses.ATTACKS
FAILURES = (AssertionError, TimeoutError, ConnectionError)
WIDTHS = (44, 34, 22)


def text_of(opened):
    """Who may reach what: ports of one host together."""
    places = {}
    for remote, inside, proto, port in sorted(opened):
        places.setdefault((remote, inside, proto), []).append(str(port))
    return "; ".join(f"{inside}:{','.join(ports)}/{proto}" for (_, inside, proto), ports in places.items()) or "nothing"


def on_the_helper(attack):
    """What it would let in because of the attack. None where the kernel has no helper; the reason beside."""
    scene = Scene(daemon=False)
    scene.__enter__()
    try:
        reason = helper.attach(scene.lab.gateway)
        if reason:
            return None, reason
        field = Field(scene)
        field.call = HonestCall(field)
        before = helper.expectations(scene.lab.gateway)
        try:
            attack.act(field)
        except FAILURES:
            pass  # the helper may drop what the attack sends; what it has let in until then counts
        return helper.expectations(scene.lab.gateway) - before, None
    finally:
        scene.close()


def on_the_daemon(attack, gateway):
    """A row: what was opened, what was said, whether it is as it must be."""
    scene = Scene(nat=gateway == "nat", config=attack.config)
    scene.__enter__()
    try:
        field = Field(scene)
        field.call = HonestCall(field)
        field.remember()
        wrong = None
        try:
            attack.act(field)
            field.assert_repelled(attack.alert, attack.names and getattr(field, attack.names).ip4)
            field.call.assert_unharmed()
        except FAILURES as failure:
            wrong = str(failure).splitlines()[0] if str(failure) else type(failure).__name__
        return {"opened": sorted(openings(scene.lab.gateway) - field.expected), "said": field.said(), "wrong": wrong}
    finally:
        scene.close()


def told(row, attack):
    """The operator's side of a row: the reasons by their names, and the host."""
    if not row["said"]:
        return "counted" if attack.alert else "-"
    return ", ".join(row["said"]) + (f" ({attack.names})" if attack.names else "")


def show(row, with_helper):
    name = row["attack"] + (" (NAT)" if row["gateway"] == "nat" else "")
    cells = [name[: WIDTHS[0]].ljust(WIDTHS[0])]
    if with_helper:
        kernel = "-" if row["kernel"] is None else text_of(row["kernel"])
        cells.append(kernel[: WIDTHS[1]].ljust(WIDTHS[1]))
    cells.append(text_of(row["opened"]).ljust(WIDTHS[2]))
    cells.append(row["told"])
    print("  ".join(cells).rstrip() + ("" if row["right"] else f"  WRONG: {row['wrong']}"), flush=True)


def main():
    parser = argparse.ArgumentParser(prog="attack")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("-k", metavar="TEXT", default="")
    options = parser.parse_args()
    chosen = [attack for attack in ATTACKS if options.k in attack.name]
    if not chosen:
        sys.exit(f"attack: no attack has '{options.k}' in its name")
    _, missing = on_the_helper(chosen[0])
    if not options.json:
        if missing:
            print(f"nf_conntrack_sip cannot be run beside it here ({missing}); its column is left out.\n")
        heads = ["attack", *([] if missing else ["nf_conntrack_sip would open"]), "messenger-algd opened", "said"]
        widths = [WIDTHS[0], *([] if missing else [WIDTHS[1]]), WIDTHS[2], 0]
        print("  ".join(head.ljust(width) for head, width in zip(heads, widths)).rstrip())
    rows = []
    for attack in chosen:
        gateway = attack.gateways[0]
        # Behind NAT the helper rewrites the messages, so what it lets in is for other numbers; it is compared routed
        # only.
        kernel = None if missing or gateway == "nat" else on_the_helper(attack)[0]
        row = on_the_daemon(attack, gateway)
        kernel = sorted(kernel) if kernel is not None else None
        row = {"attack": attack.name, "gateway": gateway, "kernel": kernel, **row}
        row["told"], row["right"] = told(row, attack), row["wrong"] is None and not row["opened"]
        rows.append(row)
        print(json.dumps(row), flush=True) if options.json else show(row, not missing)
    counts = {
        "attacks": len(rows),
        "opened": sum(bool(row["opened"]) for row in rows),
        "wrong": sum(not row["right"] for row in rows),
        "kernel": None if missing else sum(bool(row["kernel"]) for row in rows),
    }
    if options.json:
        print(json.dumps(counts))
    else:
        kernel = "" if missing else f", the kernel's helper would have opened something in {counts['kernel']}"
        print(f"\n{counts['attacks']} attacks: messenger-algd opened something in {counts['opened']}{kernel}; "
              f"{counts['wrong']} not as it must be")
    sys.exit(1 if counts["wrong"] else 0)


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit("\ninterrupted; the lab is removed")
