#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""messenger-algctl explain over every capture of the corpus, against what tshark reads there.

For each capture:
(a) every message with a session description that tshark saw is there, with the same c= and m=;
(b) when an answer passes, every UDP port of offer and answer is open;
(c) nothing is open that no session description announced (the port itself, its RTCP port, or the even port below an
    odd one);
(d) of the UDP flows to announced ports, how many found their port open with their first packet: a table.

What differs and is right so is listed in deviations.py with its reason. A deviation that is not listed fails the test,
and so does one that is listed and does not happen. Exit status 77: there is no corpus.
"""
import argparse
import ipaddress
import json
import pathlib
import re
import subprocess
import sys

from capture_reader import read_datagrams, read_frames
from deviations import DEVIATIONS

RELAXED = ["--inside", "any", "--relay", "any", "--sip-port", "any", "--json"]


def parse_endpoint(text):
    address, port = text.rsplit(":", 1)
    address = address.strip("[]")
    return (address if address == "*" else str(ipaddress.ip_address(address)), port if port == "*" else int(port))


def to_micros(time_text):
    seconds, fraction = time_text.split(".")
    return int(seconds) * 1_000_000 + int(fraction)


class Exact(str):
    """A JSON number as it stands in the text: microseconds since 1970 do not survive arithmetic on floats."""


def explain(algctl, capture):
    done = subprocess.run([algctl, "explain", *RELAXED, str(capture)], capture_output=True, check=False, timeout=60)
    if done.returncode != 0:
        raise AssertionError(f"exit status {done.returncode}: {done.stderr.decode()}")
    events = [json.loads(line, parse_float=Exact) for line in done.stdout.decode("utf-8").splitlines()]
    for event in events:
        if "time" in event:
            event["micros"] = to_micros(event["time"])
    return events


class Pinholes:
    """What is open, as the events say."""

    def __init__(self, events):
        self.changes = [event for event in events if event["event"] in ("open", "close")]
        self.at = 0
        self.open = {}  # inside endpoint -> {remote address: number of calls}

    def advance(self, micros):
        """To after everything that happens at that time."""
        while self.at < len(self.changes) and self.changes[self.at]["micros"] <= micros:
            change = self.changes[self.at]
            remotes = self.open.setdefault(parse_endpoint(change["inside"]), {})
            remote = parse_endpoint(change["remote"])[0]
            remotes[remote] = remotes.get(remote, 0) + (1 if change["event"] == "open" else -1)
            if remotes[remote] == 0:
                del remotes[remote]
            self.at += 1

    def is_open(self, endpoint):
        return bool(self.open.get(endpoint))

    def admits(self, source, destination):
        remotes = self.open.get(destination, {})
        return source[0] in remotes or "*" in remotes


class Description:
    """One message with a session description, as tshark read it."""

    def __init__(self, call_id, lines):
        first = lines[0]
        self.call_id = call_id
        self.frame = first["frame"]
        self.message = first["msg"]
        self.is_request = not first["msg"].isdigit()
        number, method = first["cseq"].split()
        # An ACK has the number of its INVITE.
        self.transaction = (number, "INVITE" if method == "ACK" else method)
        self.source, self.destination = parse_endpoint(first["src"]), parse_endpoint(first["dst"])
        self.lines = lines

    def ports(self, line):
        """Every endpoint that a line announces: itself first, then what may go with it."""
        port = int(line["port"])
        try:
            address = str(ipaddress.ip_address(line["addr"]))
        except ValueError:
            return []
        if port == 0:
            return []
        found = [(address, port), (address, port + 1)]
        if line["rtcp"]:
            found.append((address, int(str(line["rtcp"]).split()[0])))
        if port % 2:
            found.append((address, port - 1))
        return found


def read_descriptions(groundtruth):
    found = []
    for call in groundtruth["calls"]:
        frames = {}
        for line in call["sdp"]:
            if not str(line["port"]).isdigit():
                continue  # tshark repeats what bit errors have made of it
            frames.setdefault(line["frame"], []).append(line)
        found += [Description(call["callid"], lines) for lines in frames.values()]
    return sorted(found, key=lambda description: description.frame)


def find_exchanges(descriptions):
    """Pairs of offer and answer: in one transaction, a request and a response, or a response and its ACK, that goes
    the other way."""
    offers = {}
    for description in descriptions:
        key = (description.call_id, description.transaction)
        offer = offers.get(key)
        if offer is None:
            offers[key] = description
        elif (
            offer.is_request != description.is_request
            and (offer.source, offer.destination) == (description.destination, description.source)
        ):
            yield offer, description


class CaptureCheck:
    def __init__(self, algctl, capture, groundtruth):
        self.capture = capture
        self.events = explain(algctl, capture)
        self.descriptions = read_descriptions(groundtruth)
        self.times = {frame.number: frame.micros for frame in read_frames(capture)}
        self.found = set()  # (check, what)

    def deviates(self, check, what):
        self.found.add((self.capture.name, check, what))

    def check_messages(self):
        messages = {}
        for at, event in enumerate(self.events):
            if event["event"] != "message":
                continue
            key = (event["micros"], event["call_id"], parse_endpoint(event["src"]), parse_endpoint(event["dst"]))
            messages.setdefault(key, []).append(at)
        for description in self.descriptions:
            key = (
                self.times[description.frame],
                description.call_id,
                description.source,
                description.destination,
            )
            if not messages.get(key):
                self.deviates("message", f"frame {description.frame}")
                continue
            at = messages[key].pop(0)
            self.check_media(description, at)

    def check_media(self, description, at):
        told = []
        for event in self.events[at + 1 :]:
            if event["event"] != "media":
                if event["event"] == "message":
                    break
                continue
            told.append((event["media"], event["address"], int(event["port"])))
        seen = [(line["media"], line["addr"], int(line["port"])) for line in description.lines]
        if told != seen:
            self.deviates("media", f"frame {description.frame}")

    def check_exchanges(self):
        pinholes = Pinholes(self.events)
        for offer, answer in sorted(find_exchanges(self.descriptions), key=lambda pair: pair[1].frame):
            pinholes.advance(self.times[answer.frame])
            for offered, answered in zip(offer.lines, answer.lines):
                if 0 in (int(offered["port"]), int(answered["port"])):
                    continue
                for endpoint in (offer.ports(offered)[:1], answer.ports(answered)[:1]):
                    if not endpoint or not pinholes.is_open(endpoint[0]):
                        self.deviates("closed", f"frame {answer.frame}: {endpoint[0] if endpoint else 'no address'}")

    def check_origins(self):
        announced = {}
        for description in self.descriptions:
            for line in description.lines:
                for endpoint in description.ports(line):
                    announced.setdefault(endpoint, self.times[description.frame])
        for event in self.events:
            if event["event"] != "open":
                continue
            inside = parse_endpoint(event["inside"])
            if inside not in announced or announced[inside] > event["micros"]:
                self.deviates("unasked", f"{inside}")

    def check_flows(self):
        """The share of flows that found their port open, as (open, all)."""
        announced = {}
        for description in self.descriptions:
            for line in description.lines:
                for endpoint in description.ports(line)[: 2 if "RTP" in line["proto"] else 1]:
                    announced.setdefault(endpoint, description.frame)
        pinholes = Pinholes(self.events)
        flows = {}
        for datagram in read_datagrams(self.capture):
            flow = (datagram.source, datagram.destination)
            if flow in flows or announced.get(datagram.destination, datagram.frame) >= datagram.frame:
                continue
            pinholes.advance(datagram.micros)
            flows[flow] = pinholes.admits(*flow)
            if not flows[flow]:
                self.deviates("blocked", f"frame {datagram.frame}: {flow[0]} > {flow[1]}")
        return sum(flows.values()), len(flows)

    def run(self):
        self.check_messages()
        self.check_exchanges()
        self.check_origins()
        return self.check_flows()


def find_capture(corpus, groundtruth_file):
    name = groundtruth_file.name.removesuffix(".json")
    for folder in ("pcap", "malformed"):
        if (corpus / folder / name).exists():
            return corpus / folder / name
    raise AssertionError(f"no capture for {groundtruth_file}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--algctl", required=True)
    parser.add_argument("--corpus", required=True, type=pathlib.Path)
    arguments = parser.parse_args()
    if not (arguments.corpus / "groundtruth").is_dir():
        print(f"SKIPPED: there is no corpus at {arguments.corpus}")
        return 77

    failures, found, total_open, total = [], set(), 0, 0
    print(f"{'capture':<56} {'open':>5} {'flows':>5}")
    for file in sorted((arguments.corpus / "groundtruth").glob("*.json")):
        capture = find_capture(arguments.corpus, file)
        try:
            check = CaptureCheck(arguments.algctl, capture, json.loads(file.read_text(encoding="utf-8")))
            opened, flows = check.run()
        except (AssertionError, KeyError, ValueError, subprocess.TimeoutExpired) as problem:
            failures.append(f"{capture.name}: {problem!r}")
            continue
        found |= check.found
        if flows:
            total_open, total = total_open + opened, total + flows
            print(f"{capture.name:<56} {opened:>5} {flows:>5}")
    print(f"{'all':<56} {total_open:>5} {total:>5}\n")

    used = set()
    for deviation in sorted(found):
        matching = [known for known in DEVIATIONS if known[:2] == deviation[:2] and re.fullmatch(known[2], deviation[2])]
        used.update(matching)
        reason = DEVIATIONS[matching[0]] if matching else "NOT LISTED"
        print(f"{' '.join(deviation)}\n    {reason}")
        if not matching:
            failures.append(" ".join(deviation))
    failures += [f"listed, but does not happen: {known}" for known in DEVIATIONS if known not in used]
    for failure in failures:
        print(f"FAILED {failure}")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
