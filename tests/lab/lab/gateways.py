# SPDX-License-Identifier: GPL-2.0-or-later
"""What a test is tried on: decorators that give it `gateway`, for make_scene(**gateway).

A gateway routes, over either family, or hides the inside hosts behind its outside IPv4 address (NAT).
"""

import pytest

_IPV4 = pytest.param({"family": 4}, id="ipv4")
_IPV6 = pytest.param({"family": 6}, id="ipv6")
_NAT = pytest.param({"nat": True}, id="nat")
# For tests that leave the transport to the scene: over TCP it is the editing that differs, so it is tried where there is any.
_NAT_TCP = pytest.param({"nat": True, "transport": "tcp"}, id="nat-tcp")

EVERY_GATEWAY = pytest.mark.parametrize("gateway", [_IPV4, _IPV6, _NAT])
IPV4_GATEWAYS = pytest.mark.parametrize("gateway", [_IPV4, _NAT])
EVERY_WAY = pytest.mark.parametrize("gateway", [_IPV4, _IPV6, _NAT, _NAT_TCP])
IPV4_WAYS = pytest.mark.parametrize("gateway", [_IPV4, _NAT, _NAT_TCP])
