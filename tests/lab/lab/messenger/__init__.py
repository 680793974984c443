# SPDX-License-Identifier: GPL-2.0-or-later
"""Windows Messenger 5 and Communicator 2005 as the gateway sees them, and the Live Communications Server between them."""
