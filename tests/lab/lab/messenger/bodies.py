# SPDX-License-Identifier: GPL-2.0-or-later
"""The bodies that the clients send: session descriptions ([MS-SDP]) and invitations."""

MEDIA_KEY = "k=base64:QUJDREVGR0hJSktMTU5PUFFSU1RVVldYWVo"
FILE_TRANSFER = "{5D3E02AB-6190-11d3-BBBB-00C04F795683}"
SDP = "application/sdp"
INVITATION = "text/x-msmsgsinvite; charset=UTF-8"


def _lines(*lines):
    return "".join(f"{line}\r\n" for line in lines if line is not None)


def _session(address, bandwidth=None):
    return _lines("v=0", f"o=- 0 0 IN IP4 {address}", "s=session", f"c=IN IP4 {address}", bandwidth, "t=0 0")


def instant_messages(address, to=None):
    """As RTC 1.2 says it or, with the peer's user@domain, as RTC 1.3 does."""
    return _session(address) + _lines(f"m=message 5060 sip sip:{to}" if to else "m=x-ms-message 5060 sip null")


def sharing(address, direction=None):
    """Application sharing, whiteboard: T.120 has one port, and only one."""
    return _session(address) + _lines(
        "m=application 1503 tcp msdata", f"a={direction}" if direction else None, "a=encryption:optional"
    )


def audio_offer(address, audio=5350, video=5352, video_rtcp=None):
    return _session(address, "b=CT:1000") + _lines(
        f"m=audio {audio} RTP/AVP 97 111 112 6 0 8 4 5 3 101",
        MEDIA_KEY,
        "a=rtpmap:97 red/8000",
        "a=rtpmap:101 telephone-event/8000",
        "a=fmtp:101 0-16",
        "a=encryption:optional",
        f"m=video {video} RTP/AVP 34 31",
        MEDIA_KEY,
        f"a=rtcp:{video_rtcp}" if video_rtcp else None,
        "a=rtpmap:34 H263/90000",
        "a=encryption:optional",
    )


def audio_answer(address, audio=56000, video=33700, video_rtcp=33709):
    return _session(address, "b=CT:1000") + _lines(
        f"m=audio {audio} RTP/AVP 97 111 0 8 101",
        "a=rtpmap:97 red/8000",
        "a=encryption:rejected",
        f"m=video {video} RTP/AVP 34",
        f"a=rtcp:{video_rtcp}" if video_rtcp else None,
        "a=rtpmap:34 H263/90000",
        "a=encryption:rejected",
    )


def two_dialects(address, old=50010, new=50020, boundary="bnd1"):
    """Communicator 2007: ICE as of draft 6 in one part, as of RFC 5245 in the other, with ports of its own. Returns the
    type and the body."""
    def part(disposition, *lines):
        return _lines(
            f"--{boundary}", "Content-Type: application/sdp", "Content-Transfer-Encoding: 7bit",
            f"Content-Disposition: {disposition}", "",
        ) + _session(address) + _lines(*lines)

    body = part(
        "session; handling=optional; ms-proxy-2007fallback",
        f"m=audio {old} RTP/AVP 114 0 8 101",
        f"a=candidate:q8Zk+R/x1 1 Yt0pAA UDP 0.830 {address} {old} ",
        f"a=candidate:q8Zk+R/x1 2 Yt0pAA UDP 0.830 {address} {old + 1} ",
    ) + part(
        "session; handling=optional",
        f"m=audio {new} RTP/SAVP 114 0 8 101",
        "a=ice-ufrag:Ab1C",
        "a=ice-pwd:0123456789abcdefghijklmn",
        f"a=candidate:1 1 UDP 2130706431 {address} {new} typ host",
        f"a=candidate:1 2 UDP 2130705918 {address} {new + 1} typ host",
        f"a=candidate:2 1 TCP-ACT 1684797951 {address} {new} typ srflx raddr {address} rport {new}",
    ) + _lines(f"--{boundary}--")
    return f'multipart/alternative;boundary="{boundary}"', body


def file_offer(cookie, name, size, can_listen=True):
    return _lines(
        "Application-Name: File Transfer",
        f"Application-GUID: {FILE_TRANSFER}",
        "Invitation-Command: INVITE",
        f"Invitation-Cookie: {cookie}",
        f"Application-File: {name}",
        f"Application-FileSize: {size}",
        None if can_listen else "Connectivity: N",
        "Encryption: R",
    )


def file_accept(cookie, keys=None, listener=None, auth_cookie=None, sender_connects=False):
    """keys: (Encryption-Key, Hash-Key) of the receiver. listener: (address, port) of whoever listens."""
    lines = ["Invitation-Command: ACCEPT", "Request-Data: IP-Address:", f"Invitation-Cookie: {cookie}"]
    if keys:
        lines += [f"Encryption-Key: {keys[0]}", f"Hash-Key: {keys[1]}"]
    if listener:
        lines += [f"IP-Address: {listener[0]}", f"Port: {listener[1]}", "PortX: 11178", f"AuthCookie: {auth_cookie}"]
    if sender_connects:
        lines.append("Sender-Connect: TRUE")
    return _lines(*lines)


def file_cancel(cookie, code):
    return _lines("Invitation-Command: CANCEL", f"Invitation-Cookie: {cookie}", f"Cancel-Code: {code}")


def other_invitation(cookie, name, guid, address):
    return _lines(
        f"Application-Name: {name}", f"Application-GUID: {guid}", "Session-Protocol: SM1",
        "Session-ID: {7B1D1A1E-2F0A-4C6B-9E0D-1B7C0E0F5A11}", "Invitation-Command: INVITE",
        f"Invitation-Cookie: {cookie}", f"IP-Address: {address}",
    )


def fields(invitation):
    """The lines of an invitation as a dictionary."""
    return dict(line.split(": ", 1) for line in invitation.split("\r\n") if ": " in line)
