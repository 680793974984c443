// SPDX-License-Identifier: GPL-2.0-or-later
// What third-party descriptions give. They are read where they lie, beside the project, and never copied into it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>

#include "alg/sdp/sdp.h"
#include "tests/support/exact_bytes.h"

namespace messenger::alg {
namespace {

const std::filesystem::path kCorpus = MESSENGER_CORPUS;

std::string read(const std::filesystem::path& path) {
    std::ifstream in(path, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::string connection_text(const SdpConnection& connection) {
    switch (connection.kind) {
        case SdpConnection::Kind::none: return "nowhere";
        case SdpConnection::Kind::address: return connection.address.to_string();
        case SdpConnection::Kind::name: return "name";
        case SdpConnection::Kind::multicast: return "multicast";
    }
    return "?";
}

std::string_view transport_text(MediaTransport transport) {
    switch (transport) {
        case MediaTransport::rtp: return "rtp";
        case MediaTransport::udp: return "udp";
        case MediaTransport::tcp: return "tcp";
        case MediaTransport::sip: return "sip";
        case MediaTransport::other: return "other";
    }
    return "?";
}

std::string_view direction_text(MediaDirection direction) {
    switch (direction) {
        case MediaDirection::sendrecv: return "";
        case MediaDirection::sendonly: return " sendonly";
        case MediaDirection::recvonly: return " recvonly";
        case MediaDirection::inactive: return " inactive";
    }
    return "?";
}

/// "audio rtp 54400 203.0.113.1" for each medium, with what else was said about it, or the name of the error.
std::string summary(std::string_view text) {
    const test::ExactBytes bytes(text);
    SdpView view;
    const auto result = view.parse(bytes.text(), Limits{});
    if (!result) return std::string(name(result.error()));
    std::string out;
    for (const SdpMedia& media : view.media()) {
        if (!out.empty()) out += "; ";
        out += media.media;
        out += ' ';
        out += transport_text(media.transport);
        out += ' ' + std::to_string(media.port) + ' ' + connection_text(media.connection);
        out += direction_text(media.direction);
        if (media.rtcp_port != 0) out += " rtcp " + std::to_string(media.rtcp_port);
        if (media.rtcp_connection.kind != SdpConnection::Kind::none)
            out += ' ' + connection_text(media.rtcp_connection);
        if (media.rtcp_mux) out += " mux";
        if (!media.setup.empty()) out += ' ' + std::string(media.setup);
    }
    return out;
}

void expect_summaries(const std::filesystem::path& folder, const std::map<std::string, std::string>& expected) {
    if (!std::filesystem::is_directory(folder)) GTEST_SKIP() << "the corpus is absent: no folder " << folder;
    std::size_t seen = 0;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
        if (entry.path().extension() != ".sdp") continue;
        const std::string name = entry.path().filename().string();
        const auto row = expected.find(name);
        ASSERT_NE(row, expected.end()) << "no outcome is written down for " << name;
        EXPECT_EQ(summary(read(entry.path())), row->second) << name;
        ++seen;
    }
    EXPECT_EQ(seen, expected.size());
}

TEST(SdpCorpus, ReadsTheSamplesOfTheSdpTransformLibrary) {
    expect_summaries(kCorpus / "torture/sdp-transform",
                     {
                         {"alac.sdp", "bad_sdp_address"},  // an IPv6 address behind IP4
                         {"bfcp.sdp",
                          "audio rtp 3230 192.0.0.0; "
                          "video rtp 3232 192.0.0.0; "
                          "application udp 3238 192.0.0.0 passive; "
                          "video rtp 3234 192.0.0.0"},
                         {"dante-aes67.sdp", "audio rtp 5004 multicast recvonly"},
                         {"extmap-encrypt.sdp", "audio rtp 54400 203.0.113.1"},
                         {"hacky.sdp",
                          "audio rtp 1 0.0.0.0 rtcp 1 0.0.0.0 mux; "
                          "video rtp 1 0.0.0.0 rtcp 12312 mux; "
                          "application udp 9 0.0.0.0 active"},
                         {"icelite.sdp", "audio rtp 10018 192.168.100.100 mux actpass"},
                         {"invalid.sdp", "bad_sdp_address"},  // a=rtcp:1 IN IP7 X
                         {"jsep.sdp",
                          "audio rtp 56500 192.0.2.1 rtcp 56501 192.0.2.1 mux actpass; "
                          "video rtp 0 192.0.2.1 rtcp 56503 192.0.2.1 mux actpass"},
                         {"jssip.sdp", "audio rtp 60017 193.84.77.194 rtcp 60017 193.84.77.194 mux actpass"},
                         {"mediaclk-avbtp.sdp", "audio rtp 5004 multicast sendonly"},
                         {"mediaclk-ptp-v2-w-rate.sdp", "audio rtp 5004 multicast sendonly"},
                         {"mediaclk-ptp-v2.sdp", "audio rtp 5004 multicast sendonly"},
                         {"mediaclk-rtp.sdp", "audio rtp 5004 multicast sendonly"},
                         {"normal.sdp",
                          "audio rtp 54400 203.0.113.1 actpass; "
                          "video rtp 55400 203.0.113.1 actpass"},
                         {"onvif.sdp",
                          "audio rtp 0 nowhere; "
                          "video rtp 0 nowhere; "
                          "application rtp 0 nowhere recvonly"},
                         {"rtcp-fb.sdp",
                          "audio rtp 7777 127.0.0.1; "
                          "video rtp 8888 127.0.0.1"},
                         {"sctp-dtls-26.sdp", "application udp 9 0.0.0.0 actpass"},
                         {"simulcast.sdp",
                          "audio rtp 49200 192.0.2.156; "
                          "video rtp 49300 192.0.2.156"},
                         {"ssrc.sdp",
                          "audio rtp 9 0.0.0.0 rtcp 9 0.0.0.0 mux actpass; "
                          "video rtp 9 0.0.0.0 rtcp 9 0.0.0.0 mux actpass"},
                         {"st2022-6.sdp", "video rtp 2004 multicast"},
                         {"st2110-20.sdp",
                          "video rtp 50000 multicast recvonly; "
                          "video rtp 50020 multicast recvonly"},
                         {"tcp-active.sdp", "image tcp 9 192.0.2.3 active"},
                         {"tcp-passive.sdp", "image tcp 54111 192.0.2.2 passive"},
                         {"ts-refclk-media.sdp",
                          "audio rtp 49170 multicast recvonly; "
                          "video rtp 51372 multicast recvonly"},
                         {"ts-refclk-sess.sdp",
                          "audio rtp 49170 multicast recvonly; "
                          "video rtp 51372 multicast recvonly"},
                     });
}

TEST(SdpCorpus, ReadsTheSamplesOfMsSdp) {
    expect_summaries(kCorpus / "microsoft/ms-sdp-spec", {
                                                            {"01-l250.sdp",
                                                             "audio rtp 56472 157.59.134.89; "
                                                             "video rtp 33792 157.59.134.89 rtcp 33801; "
                                                             "application tcp 1503 157.59.134.89 sendonly"},
                                                            {"02-l316.sdp", "x-ms-message sip 5060 172.27.174.212"},
                                                            {"03-l393.sdp", "x-ms-message sip 5060 172.27.174.212"},
                                                            {"04-l409.sdp", "message sip 5060 157.56.66.71"},
                                                            {"05-l671.sdp",
                                                             "audio rtp 5050 11.22.33.44; "
                                                             "video rtp 5036 11.22.33.44"},
                                                            {"06-l727.sdp",
                                                             "audio rtp 5050 11.22.33.55; "
                                                             "video rtp 5036 11.22.33.55"},
                                                            {"07-l794.sdp",
                                                             "audio rtp 5050 11.22.33.44; "
                                                             "video rtp 5036 11.22.33.44"},
                                                        });
}

TEST(SdpCorpus, ReadsTheHoldOfAPhoneThatAddsWords) {
    const auto path = kCorpus / "torture/kamailio/sg.sip";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "the corpus is absent: no file " << path;
    const std::string message = read(path);
    const std::size_t body = message.find("v=0");
    ASSERT_NE(body, std::string::npos);
    EXPECT_EQ(summary(message.substr(body)), "audio rtp 58074 137.132.31.151");
}

}  // namespace
}  // namespace messenger::alg
