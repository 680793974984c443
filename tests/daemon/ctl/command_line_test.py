#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The command line of messenger-algctl: exit statuses and messages."""
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

ALGCTL = sys.argv.pop(1)
DEFAULT_CONFIG = pathlib.Path("/etc/messenger-alg/messenger-alg.toml")
EMPTY_PCAP = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)

POLICY = (
    "Windows Registry Editor Version 5.00\r\n"
    "[HKEY_LOCAL_MACHINE\\SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange]\r\n"
    '"Enabled"=dword:00000001\r\n"MinSipDynamicPort"=dword:00001bbc\r\n"MaxSipDynamicPort"=dword:00001bbf\r\n'
    '"MinMediaPort"=dword:000014e6\r\n"MaxMediaPort"=dword:000014e9\r\n'
)


def run(*arguments, stdin=b""):
    return subprocess.run([ALGCTL, *arguments], input=stdin, capture_output=True, check=False, timeout=20)


def options_request(port):
    sip = (
        "OPTIONS sip:b SIP/2.0\r\nVia: SIP/2.0/UDP 10.0.0.1\r\nFrom: <sip:a>;tag=1\r\nTo: <sip:b>\r\n"
        "Call-ID: c\r\nCSeq: 1 OPTIONS\r\nContent-Length: 0\r\n\r\n"
    ).encode()
    udp = struct.pack(">HHHH", port, port, 8 + len(sip), 0) + sip
    addresses = bytes((10, 0, 0, 1, 192, 0, 2, 1))
    ip = struct.pack(">BBHHHBBH", 0x45, 0, 20 + len(udp), 1, 0, 64, 17, 0) + addresses + udp
    return b"\x02\0\0\0\0\x01\x02\0\0\0\0\x02\x08\0" + ip


def record(frame):
    return struct.pack("<IIII", 1160000000, 0, len(frame), len(frame)) + frame


class CommandLine(unittest.TestCase):
    def setUp(self):
        self.folder = tempfile.TemporaryDirectory()
        self.addCleanup(self.folder.cleanup)
        self.capture = str(pathlib.Path(self.folder.name) / "empty.pcap")
        pathlib.Path(self.capture).write_bytes(EMPTY_PCAP)

    def expect_usage_error(self, named, *arguments):
        done = run(*arguments)
        self.assertEqual(done.returncode, 2)
        self.assertIn(named, done.stderr.decode())
        self.assertEqual(done.stdout, b"")

    def test_help_and_version_succeed(self):
        for arguments in (["--help"], ["explain", "--help"], ["--version"]):
            done = run(*arguments)
            self.assertEqual(done.returncode, 0)
            self.assertTrue(done.stdout)
        self.assertRegex(run("--version").stdout.decode(), r"^messenger-algctl \d+\.\d+\.\d+\n$")

    def test_a_capture_without_sip_succeeds(self):
        for mode in ([], ["--json"], ["--nft"]):
            done = run("explain", *mode, self.capture)
            self.assertEqual((done.returncode, done.stderr), (0, b""))

    def test_standard_input_can_be_the_capture(self):
        self.assertEqual(run("explain", "-", stdin=EMPTY_PCAP).returncode, 0)

    def test_options_may_be_repeated_and_stand_anywhere(self):
        options = "--inside 10.0.0.0/8 --inside=2001:db8::/32 --sip-port 5060 --sip-port any --relay any".split()
        self.assertEqual(run("explain", *options, self.capture, "--json", self.capture).returncode, 0)

    def test_usage_errors_name_what_is_wrong(self):
        self.expect_usage_error("10.0.0.0/99", "explain", "--inside", "10.0.0.0/99", self.capture)
        self.expect_usage_error("10.0.0.1/8", "explain", "--relay", "10.0.0.1/8", self.capture)
        for port in ("0", "65536", "-1", "5060x", "sip", "+5060"):
            self.expect_usage_error("--sip-port", "explain", f"--sip-port={port}", self.capture)
        self.expect_usage_error("FILE", "explain")
        self.expect_usage_error("--sideways", "explain", "--sideways", self.capture)
        self.expect_usage_error("--json", "explain", "--json", "--nft", self.capture)
        self.expect_usage_error(f"{self.capture} is no command\nThe commands are status, ", self.capture)
        self.expect_usage_error("statsu is no command; did you mean status?", "statsu", "--json")
        self.expect_usage_error("a command is needed\nThe commands are status, ")

    def test_a_file_that_is_no_capture_fails(self):
        done = run("explain", __file__)
        self.assertEqual(done.returncode, 1)
        self.assertIn("command_line_test.py is not a capture", done.stderr.decode())
        self.assertIn("Nothing of it could be read", done.stdout.decode())
        self.assertNotIn("0 packets", done.stdout.decode(), "as if it had none")

    def test_a_file_that_is_missing_fails_and_the_others_are_read(self):
        done = run("explain", "--json", self.capture + "x", self.capture)
        self.assertEqual(done.returncode, 1)
        self.assertIn("empty.pcapx", done.stderr.decode())
        self.assertEqual(done.stdout.count(b'"event":"summary"'), 2)

    def test_a_lone_file_that_is_missing_is_not_taken_for_a_call(self):
        missing = self.capture.replace("empty", "missing")
        done = run("explain", missing)
        self.assertEqual(done.returncode, 1)
        said = done.stderr.decode()
        self.assertIn(f"{missing} cannot be opened: No such file or directory", said)
        self.assertNotIn("socket", said)

    def test_a_limit_is_in_its_range(self):
        for command, most in (("calls", 2000), ("events", 2000), ("pinholes", 5000), ("bindings", 5000)):
            for limit in ("0", "-1", "many", str(most + 1)):
                self.expect_usage_error("--limit", command, f"--limit={limit}")
            done = run(command, "--limit", str(most), "--socket", "/nonexistent/s")
            self.assertEqual(done.returncode, 3)

    def test_options_of_captures_are_refused_for_a_call(self):
        for option in (["--nft"], ["--nat", "192.0.2.1"], ["--nat", "192.0.2.1", "--diff"], ["--inside", "any"],
                       ["--relay", "any"], ["--sip-port", "5070"]):
            self.expect_usage_error(f"{option[-1] if '--diff' in option else option[0]} is for captures",
                                    "explain", *option, "a84b4c76e66710")

    def test_the_configuration_says_where_sip_is_spoken(self):
        config = pathlib.Path(self.folder.name) / "config.toml"
        config.write_text('[network]\ninside = ["10.0.0.0/8"]\n[sip]\nports = [5070]\n', encoding="utf-8")
        capture = pathlib.Path(self.folder.name) / "sip.pcap"
        capture.write_bytes(EMPTY_PCAP + record(options_request(5070)))
        with_config = run("explain", "--json", "--config", str(config), str(capture))
        self.assertEqual((with_config.returncode, with_config.stdout.count(b"OPTIONS sip:b")), (0, 1))
        self.assertEqual(run("explain", "--json", "--sip-port", "5060", str(capture)).stdout.count(b"OPTIONS"), 0)

    def test_the_configuration_says_who_is_inside(self):
        capture = self.write("sip.pcap", EMPTY_PCAP + record(options_request(5060)))
        config = self.write("config.toml", b'[network]\ninside = ["203.0.113.0/24", "2001:db8::/32"]\n')
        told = run("explain", "--config", config, capture).stdout.decode()
        why = f"Inside: 203.0.113.0/24, 2001:db8::/32 (network.inside of {config})"
        self.assertIn(why, " ".join(told.split()))
        self.assertIn("# " + why + "\n", run("explain", "--nft", "--config", config, capture).stdout.decode())
        first = json.loads(run("explain", "--json", "--config", config, capture).stdout.splitlines()[0])
        self.assertEqual(first["inside"], ["203.0.113.0/24", "2001:db8::/32"])
        self.assertEqual(first["inside_from"], f"network.inside of {config}")
        told = run("explain", "--config", config, "--inside", "10.0.0.0/8", capture).stdout.decode()
        self.assertIn("Inside: 10.0.0.0/8 (--inside)\n", told)

    @unittest.skipIf(DEFAULT_CONFIG.exists(), "this host has a configuration")
    def test_a_configuration_that_is_not_there_is_told_of(self):
        told = " ".join(run("explain", self.capture).stdout.decode().split())
        self.assertIn(f"Inside: the private ranges (there is no {DEFAULT_CONFIG}; --inside names others)", told)

    def test_interfaces_and_nat_of_the_configuration_are_told_too(self):
        config = self.write("config.toml", b'[network]\ninside_interfaces = ["no-such0"]\n[nat]\ninterfaces = ["wan0"]\n')
        told = " ".join(run("explain", "--config", config, self.capture).stdout.decode().split())
        self.assertIn(f"Inside: the private ranges (for network.inside_interfaces of {config}; without an address", told)
        self.assertIn("no-such0) nat.interfaces is set", told)
        self.assertNotIn("nat.interfaces", run("explain", "--config", config, "--nat", "192.0.2.1", self.capture).stdout.decode())

    def test_a_configuration_with_errors_fails(self):
        config = pathlib.Path(self.folder.name) / "config.toml"
        done = run("explain", "--config", str(config), self.capture)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("config.toml: cannot be read", done.stderr.decode())
        config.write_text("[sip]\nprots = [5070]\n", encoding="utf-8")
        done = run("explain", "--config", str(config), self.capture)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("config.toml:2: ", done.stderr.decode())

    def test_the_daemon_is_not_asked_by_a_named_configuration_that_cannot_be_read(self):
        for command in (["status"], ["calls"], ["block", "192.0.2.1"], ["events", "--follow"], ["watch"]):
            self.expect_usage_error("/nonexistent.toml: cannot be read", *command, "--config", "/nonexistent.toml")
        broken = self.write("config.toml", b"[sip]\nprots = [5070]\n")
        self.expect_usage_error("config.toml:2: sip.prots", "status", "--config", broken)
        there = self.write("good.toml", b'[network]\ninside = ["10.0.0.0/8"]\n[control]\nsocket = "/nonexistent/s"\n')
        done = run("status", "--config", there)
        self.assertEqual(done.returncode, 3)
        self.assertIn("/nonexistent/s", done.stderr.decode())
        self.assertEqual(run("status", "--config", "/nonexistent.toml", "--socket", "/nonexistent/s").returncode, 3)

    def write(self, name, content):
        file = pathlib.Path(self.folder.name) / name
        file.parent.mkdir(exist_ok=True)
        file.write_bytes(content)
        return str(file)

    def test_a_policy_comes_out_as_configuration_and_goes_back_as_policy(self):
        exported = self.write("site.reg", POLICY.encode("utf-16"))
        done = run("import-policy", exported)
        self.assertEqual((done.returncode, done.stderr), (0, b""))
        config = self.write("config.toml", done.stdout.replace(b"[network]", b'[network]\ninside = ["10.0.0.0/8"]'))
        self.assertIn(b'media_ports = "5350-5353"', done.stdout)
        same = run("import-policy", "--config", config, exported)
        self.assertEqual((same.returncode, same.stdout, same.stderr), (0, b"", b""))
        back = run("export-policy", "--config", config)
        self.assertEqual((back.returncode, back.stderr), (0, b""))
        self.assertIn('"MinMediaPort"=dword:000014e6\r\n', back.stdout.decode("utf-16"))
        again = self.write("again.reg", back.stdout)
        self.assertEqual(run("import-policy", "--config", config, again).stdout, b"")
        target = str(pathlib.Path(self.folder.name) / "out.reg")
        self.assertEqual(run("export-policy", "--config", config, "-o", target).returncode, 0)
        self.assertEqual(pathlib.Path(target).read_bytes(), back.stdout)
        done = run("export-policy", "--config", config, "-o", "/nonexistent/out.reg")
        self.assertEqual(done.returncode, 1)
        self.assertIn("/nonexistent/out.reg cannot be written: No such file or directory", done.stderr.decode())

    def test_a_policy_is_compared_with_the_configuration(self):
        config = self.write("config.toml", b'[network]\ninside = ["10.0.0.0/8"]\n')
        exported = self.write("site.reg", POLICY.encode("utf-16"))
        done = run("import-policy", "--diff", "--config", config, exported)
        self.assertEqual(done.returncode, 0)
        self.assertIn(b'-network.media_ports = "1024-65535"\n+network.media_ports = "5350-5353"\n', done.stdout)
        document = json.loads(run("import-policy", "--json", "--config", config, exported).stdout)
        self.assertEqual([one["name"] for one in document["differences"]], ["media_ports", "dynamic_ports"])

    def test_the_folder_of_a_registry_pol_says_whose_it_is(self):
        key = "SOFTWARE\\Policies\\Microsoft\\Communicator\\PortRange"
        values = (("Enabled", 1), ("MinMediaPort", 5350), ("MaxMediaPort", 5353))
        records = b"".join(
            f"[{key}\0;{name}\0;".encode("utf-16-le")
            + struct.pack("<I", 4) + b";\0" + struct.pack("<I", 4) + b";\0" + struct.pack("<I", value) + b"]\0"
            for name, value in values
        )
        pol = b"PReg" + struct.pack("<I", 1) + records
        self.assertIn(b"HKEY_LOCAL_MACHINE", run("import-policy", self.write("Machine/Registry.pol", pol)).stdout)
        of_user = self.write("User/Registry.pol", pol)
        self.assertIn(b"HKEY_CURRENT_USER", run("import-policy", of_user).stdout)
        self.assertIn(b"HKEY_CURRENT_USER", run("import-policy", "--user", self.write("r.pol", pol)).stdout)
        cut = run("import-policy", self.write("cut.pol", pol[:-1]))
        self.assertEqual((cut.returncode, cut.stdout), (1, b""))
        self.assertIn("cut.pol: byte ", cut.stderr.decode())

    def test_a_bad_policy_fails_with_file_and_line(self):
        bad = self.write("bad.reg", POLICY.replace("000014e9", "000014e8").encode("utf-16"))
        done = run("import-policy", bad)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("bad.reg:6: MinMediaPort, MaxMediaPort: ", done.stderr.decode())
        told = run("import-policy", "--json", bad)
        self.assertEqual(told.returncode, 1)
        self.assertIsNone(json.loads(told.stdout)["media_ports"])
        self.assertEqual(run("import-policy", bad + "x").returncode, 1)
        self.expect_usage_error("FILE", "import-policy")

    def test_nothing_to_pin_is_no_policy(self):
        config = self.write("config.toml", b'[network]\ninside = ["10.0.0.0/8"]\n')
        done = run("export-policy", "--config", config)
        self.assertEqual((done.returncode, done.stdout), (1, b""))
        self.assertIn("nothing to pin", done.stderr.decode())
        self.assertEqual(run("export-policy", "--config", config + "x").returncode, 1)

    def test_a_capture_that_is_cut_off_fails(self):
        pathlib.Path(self.capture).write_bytes(EMPTY_PCAP + b"\x00" * 7)
        self.assertEqual(run("explain", self.capture).returncode, 1)


if __name__ == "__main__":
    unittest.main()
