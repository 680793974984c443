# SPDX-License-Identifier: GPL-2.0-or-later
"""The same call from behind a masquerading gateway: what changes in the messages, and what gets in. Counted on the wires."""

import difflib

from lab import sdpview
from lab.media import Flow, Port
from lab.scene import Call, audio, hang_up, sdp
from lab.story import Story, act, run
from lab.topology import GATEWAY_OUTSIDE

OUTSIDE = GATEWAY_OUTSIDE[0]
PROBE = 25
INSIDE_PORT, PEER_PORT = 5350, 40000

PICTURE = f"""\
   inside                         gateway                           outside
   10.1.2.10 ------------------- messenger-algd --------+--------- 203.0.113.30, whom it calls
                                 masquerade: all that   |
                                 leaves is {OUTSIDE}    +--------- 203.0.113.66, a third host
"""


def show_changes(story, title, sent, arrived):
    story.line(title)
    changed = 0
    for line in difflib.ndiff(sent.text().splitlines(), arrived.text().splitlines()):
        if line[0] in "+-":
            changed += line[0] == "+"
            story.line(f"    {line}")
    return changed


def probe(story, scene, source, destination, tap, seen, must_pass):
    flow = Flow(source, destination)
    before = len(tap.arrived(*seen))
    flow.send(PROBE, 0.005)
    arrived = len(tap.arrived(*seen)) - before
    name = f"RTP  {source.address[0]}:{source.address[1]} -> {destination[0]}:{destination[1]}"
    text = f"{name}   sent {PROBE}, arrived {arrived}" + ("" if must_pass else "   (must be 0)")
    story.finding(text, arrived == (PROBE if must_pass else 0))


def tell(story, scene):
    lab = scene.lab
    caller, callee = scene.agent(lab.inside), scene.agent(lab.peer)
    inside = scene.keep(Port(lab.inside, lab.inside.ip4, INSIDE_PORT))
    peer = scene.keep(Port(lab.peer, lab.peer.ip4, PEER_PORT))
    third = scene.keep(Port(lab.third, lab.third.ip4, PEER_PORT))
    inside_tap, peer_tap = scene.tap(lab.inside), scene.tap(lab.peer)
    inbound = (peer.address, inside.address)

    story.step("Before the call nothing from outside gets in")
    probe(story, scene, peer, (OUTSIDE, INSIDE_PORT), inside_tap, inbound, False)

    story.step("The inside host calls (SIP over TCP, through the daemon)")
    out = Call.outgoing(caller, callee.uri, caller.connect(callee.address))
    sent = out.request("INVITE", sdp(lab.inside.ip4, audio(INSIDE_PORT)))
    invite = callee.receive("INVITE")
    changed = show_changes(story, "The INVITE as it was sent (-) and as it arrived (+); all other lines are the same:", sent, invite)
    story.finding(f"{changed} lines changed; From, To, Call-ID, CSeq and everything that is signed are not", changed <= 5)
    story.finding("no inside address is left in Contact and session description", lab.inside.ip4 not in invite.body + invite.get("Contact"))
    callee.reply(invite, 200, sdp(lab.peer.ip4, audio(PEER_PORT)), tag="p1")
    out.ack(caller.receive(200))
    callee.receive("ACK")
    outside = (OUTSIDE, sdpview.ports(invite.body)[0])

    story.step("Media, the peer first; it knows the inside host by the outside address alone")
    probe(story, scene, peer, outside, inside_tap, inbound, True)
    probe(story, scene, inside, peer.address, peer_tap, (outside, peer.address), True)
    probe(story, scene, third, outside, inside_tap, (third.address, inside.address), False)

    story.step("The peer asks the inside host something, by its Contact")
    back = Call.incoming(callee, invite, "p1")
    asked = back.request("OPTIONS")
    question = caller.receive("OPTIONS")
    show_changes(story, "As it was sent (-) and as it arrived (+):", asked, question)
    story.finding("it arrived with the inside host's own address", lab.inside.ip4 in question.start_line)
    caller.reply(question, 200)
    callee.receive((200, "OPTIONS"))

    story.step("The daemon is stopped and started; call and connection go on")
    scene.daemon.stop()
    scene.daemon.start()
    probe(story, scene, peer, outside, inside_tap, inbound, True)

    story.step("The inside host hangs up (BYE)")
    hang_up(out, callee)
    scene.wait_closed()
    probe(story, scene, peer, outside, inside_tap, inbound, False)

    story.step("The operator's firewall is as it was")
    scene.firewall.assert_untouched()
    story.finding("nft list table inet filter: same as before the call", True)


def main():
    print("messenger-alg: a call from behind a masquerading gateway\n")
    print(PICTURE, end="")
    story = Story()
    act(story, tell, nat=True, transport="tcp")
    return story.end()


if __name__ == "__main__":
    run(main)
