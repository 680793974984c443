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
    expect_summaries(kCorpus / "torture/sdp-transform", {});
}

TEST(SdpCorpus, ReadsTheSamplesOfMsSdp) {
    expect_summaries(kCorpus / "microsoft/ms-sdp-spec", {});
}

TEST(SdpCorpus, ReadsTheHoldOfAPhoneThatAddsWords) {
    const auto path = kCorpus / "torture/kamailio/sg.sip";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << "the corpus is absent: no file " << path;
    const std::string message = read(path);
    const std::size_t body = message.find("v=0");
    ASSERT_NE(body, std::string::npos);
    EXPECT_EQ(summary(message.substr(body)), "?");
}

}  // namespace
}  // namespace messenger::alg
