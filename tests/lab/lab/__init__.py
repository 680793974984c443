# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab: hosts made of network namespaces, the real daemon, the real kernel, real SIP peers."""
