# SPDX-License-Identifier: GPL-2.0-or-later
"""Rows of the table: a figure of ours, the same of a peer in the same run, and the aim."""

import dataclasses
import json
import typing


@dataclasses.dataclass
class Aim:
    """text: as the table shows it. reached: told a row."""

    text: str
    reached: typing.Callable


def ratio_at_most(limit, text=None):
    return Aim(text or f"ratio <= {limit:g}", lambda row: row.ratio is not None and row.ratio <= limit)


def ratio_at_least(limit, text=None):
    return Aim(text or f"ratio >= {limit:g}", lambda row: row.ratio is not None and row.ratio >= limit)


def ours_at_most(limit, unit):
    return Aim(f"<= {limit:g} {unit}", lambda row: row.ours is not None and row.ours <= limit)


@dataclasses.dataclass
class Row:
    """why: a few words, also where the aim is met; failed: something went wrong that no figure shows; limit: what stands in
    the way of the aim, told where it is missed."""

    name: str
    ours: float | None
    peer: float | None
    unit: str
    aim: Aim | None = None
    why: str = ""
    failed: bool = False
    limit: str = ""

    @property
    def ratio(self):
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def verdict(self):
        if self.failed:
            return "missed"
        if self.ours is None or self.aim is None:
            return "-"
        return "met" if self.aim.reached(self) else "missed"

    def json(self):
        rounded = {key: None if value is None else float(f"{value:.5g}")
                   for key, value in (("ours", self.ours), ("peer", self.peer), ("ratio", self.ratio))}
        return json.dumps({"name": self.name, **rounded, "unit": self.unit})


def figure(value):
    """Three digits that count, more where there are more before the point."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def missed(rows):
    """What stands in the way of the aims that were missed, each reason once; empty if none was."""
    reasons = {}
    for row in rows:
        if row.verdict == "missed":
            reasons.setdefault(row.limit or "nothing that is known", []).append(row.name)
    lines = []
    for reason, names in reasons.items():
        lines += [f"- {'; '.join(names)}:", f"    {reason}"]
    return "\n".join(("Missed, and what stands in the way:", *lines)) if lines else ""


def table(rows):
    cells = [("what", "ours", "peer", "ratio", "unit", "aim", "", "")]
    cells += [(row.name, figure(row.ours), figure(row.peer), figure(row.ratio), row.unit,
               row.aim.text if row.aim else "-", row.verdict, row.why) for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(cells[0]) - 1)]
    right = (1, 2, 3)
    lines = []
    for line in cells:
        padded = [text.rjust(width) if column in right else text.ljust(width)
                  for column, (text, width) in enumerate(zip(line, widths))]
        lines.append("  ".join((*padded, line[-1])).rstrip())
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
