# SPDX-License-Identifier: GPL-2.0-or-later
"""One real call through the gateway, told to a person step by step. What is told is what was counted on the wires."""

import time

from lab import sound
from lab.baresip import Baresip
from lab.media import Flow, Port
from lab.pinholes import pinholes
from lab.story import Story, act, run

INSIDE_PORT, OUTSIDE_PORT, PROBE_PORT = 41000, 51000, 51100
PROBE = 25
TALK = 5
TUNES = {"inside": (500, 900, 1300, 1700, 2100, 2500) * 8, "outside": (700, 1100, 1500, 1900, 2300) * 10}
ENOUGH_TONES = 10

PICTURE = """\
   inside                         gateway                           outside
   10.1.2.10, a phone ---------- messenger-algd --------+--------- 203.0.113.30, the phone it calls
   (baresip)                     and a firewall that    |          (baresip)
                                 drops by default       +--------- 203.0.113.66, a third host
"""


def text_of(address):
    return f"{address[0]}:{address[1]}"


def probe(story, scene, host, inside, must_pass=False):
    """RTP from an outside host to the inside phone's port: how many packets come through."""
    source = Port(host, host.ip4, PROBE_PORT)
    tap = scene.tap(scene.lab.inside)
    before = len(tap.arrived(source.address, inside))
    flow = Flow(source, inside)
    flow.send(PROBE)
    source.close()
    arrived = len(tap.arrived(source.address, inside)) - before
    text = f"RTP  {text_of(source.address)} -> {text_of(inside)}   sent {PROBE}, arrived {arrived}"
    story.finding(text + ("" if must_pass else "   (must be 0)"), arrived == (PROBE if must_pass else 0))


def show_firewall(story, scene):
    story.line("The operator's firewall in the gateway; nobody edits it from here on:")
    chain = scene.lab.gateway.run("nft", "list", "chain", "inet", "filter", "forward")
    for line in chain.splitlines()[1:-1]:
        story.line(line.expandtabs(4))


def show_pinholes(story, scene):
    """Which, for whom, how long."""
    holes = pinholes(scene.lab.gateway)
    story.line("Open in the kernel now (nft list table inet messenger_alg):")
    row = "    {:<5} {:<18} {:<16} {:<12} {}"
    story.line(row.format("proto", "to inside", "from", "closes after", "what for"))
    for hole in sorted(holes, key=lambda hole: hole.port):
        inside = f"{hole.inside}:{hole.port}"
        left = f"{hole.expires} s" if hole.expires is not None else "-"
        story.line(row.format(hole.proto, inside, hole.remote, left, hole.comment))
    story.line("(the time runs from the last packet; media itself keeps its pinhole open, the daemon is not needed for that)")
    ports = sorted(hole.port for hole in holes)
    story.finding(
        f"{len(holes)} pinholes: RTP and RTCP of the inside phone, for its peer alone",
        len(ports) == 2 and ports[1] == ports[0] + 1 and {hole.remote for hole in holes} == {scene.lab.peer.ip4},
    )
    return (scene.lab.inside.ip4, ports[0] if ports else INSIDE_PORT)


def rtp_of_call(tap, direction, ours, theirs):
    """RTP, not RTCP, between the two hosts; both use even ports for it."""
    wanted = (ours, theirs) if direction == "sent" else (theirs, ours)

    def keep(packet):
        return packet.proto == "udp" and packet.sent == (direction == "sent") and (packet.src, packet.dst) == wanted

    def between_the_phones(packet):
        return PROBE_PORT not in (packet.sport, packet.dport) and packet.dport % 2 == 0 and packet.dport > 40000

    return tap.packets(lambda packet: keep(packet) and between_the_phones(packet))


def count_call(story, scene, inside, outside):
    story.step("The call, as counted on both phones' wires")
    inside_tap, outside_tap = scene.tap(scene.lab.inside), scene.tap(scene.lab.peer)
    for name, sender, receiver, source, sink in (
        ("outside -> inside", outside_tap, inside_tap, scene.lab.peer.ip4, scene.lab.inside.ip4),
        ("inside -> outside", inside_tap, outside_tap, scene.lab.inside.ip4, scene.lab.peer.ip4),
    ):
        sent = len(rtp_of_call(sender, "sent", source, sink))
        arrived = len(rtp_of_call(receiver, "arrived", sink, source))
        # What was on its way when the BYE passed the gateway is dropped there: a packet or two.
        right = sent >= (TALK - 1) * 50 and sent - 5 <= arrived <= sent
        story.finding(f"RTP  {name}   sent {sent}, arrived {arrived}", right)
    for listener, phone, speaker in (("inside", inside, "outside"), ("outside", outside, "inside")):
        recording = phone.recording()
        tones = sound.recognise(recording) if recording else []
        heard = sound.longest_piece(tones, TUNES[speaker])
        text = f"sound: the {listener} phone recognised {heard} tones in a row of the {speaker} phone's tune"
        story.finding(text, heard >= ENOUGH_TONES)


def late_packets(story, scene):
    """Media that reached a phone after the BYE had reached the other side."""
    outside_tap = scene.tap(scene.lab.peer)
    bye = outside_tap.time_of(b"BYE ")
    late = [p for p in rtp_of_call(outside_tap, "arrived", scene.lab.peer.ip4, scene.lab.inside.ip4) if p.time > bye]
    story.finding(f"RTP that came through after the BYE had: {len(late)}   (must be 0)", not late)


def tell(story, scene):
    lab = scene.lab
    phones = []
    for host, name, port in ((lab.inside, "inside", INSIDE_PORT), (lab.peer, "outside", OUTSIDE_PORT)):
        path = f"{lab.directory}/{name}.wav"
        sound.write(path, TUNES[name])
        phones.append(scene.keep(Baresip(lab, host, 4, path, port)))
    inside, outside = phones
    for host in (lab.inside, lab.peer):
        scene.tap(host)

    story.step("Before the call: the firewall drops what nobody inside has asked for")
    show_firewall(story, scene)
    probe(story, scene, lab.peer, (lab.inside.ip4, INSIDE_PORT))

    story.step("The inside phone calls the outside phone (SIP over UDP, through the daemon)")
    for host in (lab.inside, lab.peer):
        scene.tap(host).forget()
    inside.command("dial", outside.uri)
    inside.wait_event("CALL_ESTABLISHED")
    story.finding("call established", True)
    rtp = show_pinholes(story, scene)

    story.step(f"They talk for {TALK} seconds; meanwhile others try the open port")
    probe(story, scene, lab.third, rtp)
    probe(story, scene, lab.peer, rtp, must_pass=True)
    story.line("(the second is the peer itself, from a port that no SDP named: phones behind NAT do that)")
    time.sleep(TALK - 1)

    story.step("The inside phone hangs up (BYE)")
    inside.command("hangup")
    outside.wait_event("CALL_CLOSED")
    time.sleep(0.3)
    late_packets(story, scene)
    story.finding(f"pinholes open: {len(pinholes(lab.gateway))}   (must be 0)", not pinholes(lab.gateway))
    probe(story, scene, lab.peer, rtp)

    count_call(story, scene, inside, outside)

    story.step("The operator's firewall is as it was")
    scene.firewall.assert_untouched()
    story.finding("nft list table inet filter: same as before the call", True)


def main():
    print("messenger-alg: a call through a firewall that drops by default\n")
    print(PICTURE, end="")
    story = Story()
    act(story, tell)
    return story.end()


if __name__ == "__main__":
    run(main)
