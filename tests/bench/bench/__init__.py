# SPDX-License-Identifier: GPL-2.0-or-later
"""The parts of tests/bench/run: one module for each group of rows, and what they share."""
