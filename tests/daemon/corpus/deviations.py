# SPDX-License-Identifier: GPL-2.0-or-later
"""Where explain differs from what tshark announces, and why that is right, or that it is not.

(capture, check, what as a regular expression): reason. The checks: message (not there), media (told otherwise), closed
(an agreed port is not open), unasked (an open port that nobody announced), blocked (a flow that found its port closed).
"""

NO_INVITE = "the capture holds no INVITE of this call, so its answer answers nothing"
BIT_ERROR = "a bit error in its headers: not understood, so it opens nothing (security rule 8)"
WAKE_UP = "FreeSWITCH wakes up its own socket at the end of a call: host to itself, never through a gateway"
AFTER_480 = "early media in 183, but its first packet comes a second after the 480 that ended the call"
BEFORE_ANSWER = "some ms before the 200, which brings the first description of the callee (security rule 4)"

DEVIATIONS = {
    ("editcap-fuzz-of-sipps-cirpack.pcap", "message", "frame (227|548)"): BIT_ERROR,
    ("pcapplusplus-sdp.pcap", "media", "frame 1"): NO_INVITE,
    ("pcapplusplus-sip-non-default-port.pcap", "media", "frame 2"): NO_INVITE,
    ("pcapplusplus-sip-resp.pcap", "media", "frame 3"): NO_INVITE,
    ("udp-freeswitch-g711-2calls-rtp.pcap", "blocked", "frame 431: .*"): WAKE_UP,
    ("udp-freeswitch-g722-rtp.pcap", "blocked", "frame 431: .*"): WAKE_UP,
    ("udp-freeswitch-g729a-rtp.pcap", "blocked", "frame 431: .*"): WAKE_UP,
    (
        "udp-h263-eyebeam-rtp.pcap",
        "blocked",
        "frame 5: .*",
    ): "the callee announces 127.0.0.1 and sends from 192.168.6.199 (security rule 4)",
    (
        "udp-late-offer-rfc2833-brekeke-rtp.cap",
        "blocked",
        "frame 29: .*",
    ): "offer and answer both say 192.168.105.110; the media comes from 192.168.105.172 (security rule 4)",
    (
        "udp-load-sipp-branch-1334calls.pcapng",
        "closed",
        "frame 135: .*",
    ): "127.0.0.1 announces 127.0.1.1: a loopback address that is not the sender's own",
    ("udp-sipps-cirpack-register-invite-cancel.pcap", "blocked", "frame (95|104): .*"): AFTER_480,
    ("udp-sipps-cirpack-with-background-691f.pcap", "blocked", "frame (624|633): .*"): AFTER_480,
    ("udp-zfone-zrtp-asterisk-xlite-rtp.pcap", "blocked", "frame (21|22): .*"): BEFORE_ANSWER,
}
