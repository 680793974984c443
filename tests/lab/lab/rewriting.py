# SPDX-License-Identifier: GPL-2.0-or-later
"""What the gateway should make of a message, said independently of it: other texts in the fields that it may change."""

import re

# The group is what may change: the addresses that the lab's agents write. Nothing else may.
_FIELDS = (
    r"\A[A-Z]+ sip:[^@ ]*@([^; ]+)",
    r"^Contact: <sip:[^@>]*@([^;>]+)",
    r"^o=.* IN IP4 (\S+)",
    r"^c=IN IP4 (\S+)",
    r"^m=audio (\d+)",
    r"^a=rtcp:(\d+)",
)


def rewritten(text, names):
    """text: a message as it was sent. names: what a field says -> what it shall say; others stay as they are."""
    for pattern in _FIELDS:
        text = re.sub(pattern, lambda found: _put(found, names), text, flags=re.M)
    body = text.partition("\r\n\r\n")[2]
    return re.sub(r"^Content-Length: \d+", f"Content-Length: {len(body)}", text, count=1, flags=re.M)


def _put(found, names):
    start, end = (edge - found.start() for edge in found.span(1))
    whole = found.group()
    return whole[:start] + names.get(found.group(1), found.group(1)) + whole[end:]


def _matches(text):
    return [match for pattern in _FIELDS for match in re.finditer(pattern, text, re.M)]


def names_said(text):
    """What the fields say, in an order that is the same before and after."""
    return [match.group(1) for match in _matches(text)]


def changing_lines(text, names):
    """The lines that change: Content-Length's, and those of the fields. As (offset, offset behind the line end)."""
    found = [match for match in _matches(text) if match.group(1) in names]
    found += re.finditer(r"^Content-Length: \d+", text, re.M)
    return [(match.start(), text.index("\r\n", match.end()) + 2) for match in found]
