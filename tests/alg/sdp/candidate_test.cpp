// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/sdp/candidate.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

std::string_view transport_name(CandidateTransport transport) {
    switch (transport) {
        case CandidateTransport::udp: return "udp";
        case CandidateTransport::tcp_active: return "tcp-active";
        case CandidateTransport::tcp_passive: return "tcp-passive";
    }
    return "?";
}

std::string_view type_name(CandidateType type) {
    switch (type) {
        case CandidateType::host: return "host";
        case CandidateType::srflx: return "srflx";
        case CandidateType::prflx: return "prflx";
        case CandidateType::relay: return "relay";
    }
    return "?";
}

/// Each candidate on a line of words, then how many could not be read.
std::string describe_all(std::string_view section) {
    const test::ExactBytes bytes(section);
    CandidateReader reader(bytes.text());
    std::string out;
    while (const auto candidate = reader.next()) {
        out += std::to_string(candidate->component);
        out += ' ';
        out += transport_name(candidate->transport);
        out += ' ';
        out += candidate->endpoint.to_string();
        out += ' ';
        out += type_name(candidate->type);
        out += candidate->draft06 ? " draft-06\n" : "\n";
        EXPECT_EQ(IpAddress::parse(candidate->address_text), candidate->endpoint.address);
        EXPECT_EQ(std::string(candidate->port_text), std::to_string(candidate->endpoint.port));
    }
    EXPECT_FALSE(reader.next());
    return out + "unreadable " + std::to_string(reader.unreadable());
}

TEST(Candidate, ReadsDraft06) {
    EXPECT_EQ(describe_all("m=audio 50010 RTP/AVP 114\r\n"
                           "a=candidate:q8Zk+R/x1 1 Yt0pAA UDP 0.830 10.1.2.3 50010 \r\n"
                           "a=candidate:q8Zk+R/x1 2 Yt0pAA UDP 0.830 10.1.2.3 50011\r\n"
                           "a=candidate:r8Zk+R/x1 1 Zt0pAA TCP 0.190 203.0.113.9 443\r\n"
                           "a=remote-candidate:q8Zk+R/x1\r\n"),
              "1 udp 10.1.2.3:50010 host draft-06\n"
              "2 udp 10.1.2.3:50011 host draft-06\n"
              "1 tcp-passive 203.0.113.9:443 host draft-06\n"
              "unreadable 0");
}

TEST(Candidate, ReadsRfc5245InMicrosoftsWords) {
    EXPECT_EQ(describe_all("a=ice-ufrag:Ab1C\r\n"
                           "a=candidate:1 1 UDP 2130706431 10.1.2.3 50020 typ host \r\n"
                           "a=candidate:1 2 UDP 2130705918 10.1.2.3 50021 typ host\r\n"
                           "a=candidate:2 1 TCP-ACT 1684797951 10.1.2.3 50020 typ srflx raddr 10.1.2.3 rport 50020\r\n"
                           "a=candidate:3 1 TCP-PASS 6556159 203.0.113.9 51234 typ relay raddr 10.1.2.3 rport 50022\r\n"
                           "a=candidate:4 1 udp 1 203.0.113.9 51236 typ prflx\r\n"
                           "a=x-candidate-ipv6:5 1 UDP 2130705919 2001:db8::5 50030 typ host\r\n"
                           "a=remote-candidates:1 203.0.113.9 50020\r\n"),
              "1 udp 10.1.2.3:50020 host\n"
              "2 udp 10.1.2.3:50021 host\n"
              "1 tcp-active 10.1.2.3:50020 srflx\n"
              "1 tcp-passive 203.0.113.9:51234 relay\n"
              "1 udp 203.0.113.9:51236 prflx\n"
              "1 udp [2001:db8::5]:50030 host\n"
              "unreadable 0");
}

TEST(Candidate, ReadsTcpInTheFormOfRfc6544) {
    EXPECT_EQ(describe_all(
                  "a=candidate:1 1 TCP 21 10.0.1.1 9 typ host tcptype active\n"
                  "a=candidate:2 1 TCP 21 10.0.1.1 8998 typ srflx raddr 10.0.1.9 rport 7 tcptype passive generation 5\n"
                  "a=candidate:3 1 TCP 21 10.0.1.1 8999 typ host tcptype so"),
              "1 tcp-active 10.0.1.1:9 host\n"
              "1 tcp-passive 10.0.1.1:8998 srflx\n"
              "1 tcp-passive 10.0.1.1:8999 host\n"
              "unreadable 0");
}

TEST(Candidate, TellsTheDialectsByTheSeventhWord) {
    EXPECT_EQ(describe_all("a=candidate:UDP 1 UDP UDP 0.5 10.1.2.3 4 typ host\n"),
              "1 udp 10.1.2.3:4 host draft-06\nunreadable 0");
    EXPECT_EQ(describe_all("a=candidate:typ 1 UDP typ 10.1.2.3 4 TYP HOST\n"), "1 udp 10.1.2.3:4 host\nunreadable 0");
}

TEST(Candidate, LeavesOutAndCountsWhatItCannotRead) {
    const std::vector<std::string_view> lines{
        "a=candidate:",
        "a=candidate:1",
        "a=candidate:1 0 UDP 1 10.1.2.3 4 typ host",
        "a=candidate:1 257 UDP 1 10.1.2.3 4 typ host",
        "a=candidate:1 x UDP 1 10.1.2.3 4 typ host",
        "a=candidate:1 1 SCTP 1 10.1.2.3 4 typ host",
        "a=candidate:1 1 TCP 1 10.1.2.3 4 typ host",
        "a=candidate:1 1 TCP 1 10.1.2.3 4 typ host tcptype",
        "a=candidate:1 1 TCP 1 10.1.2.3 4 typ host tcptype other",
        "a=candidate:1 1 TCP 1 10.1.2.3 4 typ host raddr tcptype rport passive",
        "a=candidate:1 1 UDP 1 7f8e.local 4 typ host",
        "a=candidate:1 1 UDP 1 10.1.2.3 65536 typ host",
        "a=candidate:1 1 UDP 1 10.1.2.3 4 typ",
        "a=candidate:1 1 UDP 1 10.1.2.3 4 typ other",
        "a=candidate:1 1 pw SCTP 0.1 10.1.2.3 4",
        "a=candidate:1 1 pw UDP 0.1 10.1.2.3",
        "a=candidate:1 1 pw UDP 0.1 10.1.2.3 x",
    };
    std::string section;
    for (const auto line : lines) {
        section += line;
        section += '\n';
        EXPECT_EQ(describe_all(line), "unreadable 1") << line;
    }
    EXPECT_EQ(describe_all(section + "a=candidate:1 1 UDP 1 10.1.2.3 4 typ host"),
              "1 udp 10.1.2.3:4 host\nunreadable " + std::to_string(lines.size()));
}

TEST(Candidate, IgnoresOtherLines) {
    EXPECT_EQ(describe_all("a=candidates:1 1 UDP 1 10.1.2.3 4 typ host\na=Candidate:1 1 UDP 1 10.1.2.3 4 typ host\n"
                           " a=candidate:1 1 UDP 1 10.1.2.3 4 typ host\nb=candidate:1 1 UDP 1 10.1.2.3 4 typ host\n\n"),
              "unreadable 0");
}

}  // namespace
}  // namespace messenger::alg
