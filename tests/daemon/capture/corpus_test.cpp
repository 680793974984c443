// SPDX-License-Identifier: GPL-2.0-or-later
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <string>

#include "daemon/capture/ip_header.h"
#include "daemon/capture/packet_source.h"

namespace messenger::daemon {
namespace {

const std::filesystem::path kCorpus = MESSENGER_CORPUS;

/// Counted with tshark 4.0: frames; frames with "ip or ipv6"; "udp" and "tcp" "and not icmp and not icmpv6" (it looks
/// into the packets that ICMP quotes), where fragments count with the frame that completes them.
struct Expected {
    const char* file;
    std::uint64_t frames;
    std::uint64_t ip;
    std::uint64_t udp;
    std::uint64_t tcp;
};

constexpr std::array<Expected, 44> kExpected{{
    {"pcap/ipv6-udp-fragmented-b2bua-prack-update.pcap", 34, 34, 32, 0},
    {"pcap/nonsip-http-on-5060.pcap", 4, 4, 0, 4},
    {"pcap/pcapplusplus-sdp.pcap", 1, 1, 1, 0},
    {"pcap/pcapplusplus-sip-non-default-port.pcap", 2, 2, 2, 0},
    {"pcap/pcapplusplus-sip-not-sdp.pcap", 1, 1, 1, 0},
    {"pcap/pcapplusplus-sip-reqs.pcap", 4, 4, 4, 0},
    {"pcap/pcapplusplus-sip-resp.pcap", 7, 7, 6, 1},
    {"pcap/tcp-audiocodes-call-rtp.pcap", 84, 84, 68, 16},
    {"pcap/tcp-invite-64k-body-5segments.pcap", 16, 16, 0, 16},
    {"pcap/tcp-register-2segments-zoiper-kamailio.pcap", 11, 11, 0, 11},
    {"pcap/tcp-register-toy.pcap", 7, 7, 0, 7},
    {"pcap/tcp-sipp-5calls.pcap", 30, 30, 0, 30},
    {"pcap/udp-asterisk-linphone-401-rtp.pcap", 175, 175, 173, 0},
    {"pcap/udp-codec-renegotiation-rtp.pcap", 614, 614, 614, 0},
    {"pcap/udp-dtmf-info-ekiga-sems-fork.pcap", 32, 32, 32, 0},
    {"pcap/udp-freeswitch-g711-2calls-rtp.pcap", 852, 852, 852, 0},
    {"pcap/udp-freeswitch-g722-rtp.pcap", 433, 433, 433, 0},
    {"pcap/udp-freeswitch-g729a-rtp.pcap", 433, 433, 433, 0},
    {"pcap/udp-freeswitch-opus-hybrid-rtp.pcap", 7, 7, 7, 0},
    {"pcap/udp-friendly-scanner.pcap", 50, 50, 43, 0},
    {"pcap/udp-h263-eyebeam-rtp.pcap", 49, 49, 49, 0},
    {"pcap/udp-invite-compact-form.pcap", 1, 1, 1, 0},
    {"pcap/udp-invite-multivalue-headers.pcap", 1, 1, 1, 0},
    {"pcap/udp-invite-sdp-toy.pcap", 2, 2, 2, 0},
    {"pcap/udp-ipfragmented-sip-i-isup-multipart.pcap", 3, 3, 2, 0},
    {"pcap/udp-kamailio-pjsua-invite-bye.pcap", 16, 16, 16, 0},
    {"pcap/udp-keepalive-hello.pcapng", 30, 30, 30, 0},
    {"pcap/udp-late-offer-rfc2833-brekeke-rtp.cap", 1360, 1360, 1360, 0},
    {"pcap/udp-load-sipp-branch-1334calls.pcapng", 8989, 8989, 8989, 0},
    {"pcap/udp-magicjack-401-rtp.pcap", 1381, 1360, 1319, 31},
    {"pcap/udp-metasploit-invite-spoof.pcap", 3, 3, 2, 0},
    {"pcap/udp-opensips-asterisk-android-rtp.pcap", 195, 195, 195, 0},
    {"pcap/udp-options-toy.pcap", 2, 2, 2, 0},
    {"pcap/udp-register-auth.pcap", 3, 3, 3, 0},
    {"pcap/udp-reinvite-rtp.pcap", 230, 230, 230, 0},
    {"pcap/udp-sip-first-fragment-only.pcap", 1, 1, 0, 0},
    {"pcap/udp-sipps-cirpack-register-invite-cancel.pcap", 112, 112, 112, 0},
    {"pcap/udp-sipps-cirpack-with-background-691f.pcap", 691, 647, 590, 57},
    {"pcap/udp-webex-register-mixed-tls.pcap", 1110, 1110, 38, 1072},
    {"pcap/udp-xlite-verso-g711-rtp-4269f.pcap", 4269, 4105, 3583, 522},
    {"pcap/udp-zfone-zrtp-asterisk-xlite-rtp.pcap", 1042, 1042, 1042, 0},
    {"malformed/zeek-invalid-content-length.pcap", 2, 2, 2, 0},
    {"malformed/zeek-sip-junk-before-request.pcap", 2, 2, 2, 0},
    {"malformed/zeek-sip-long-request-response-paths.pcap", 2, 2, 2, 0},
}};

struct Counted {
    CaptureCounts counts;
    std::uint64_t udp = 0;
    std::uint64_t tcp = 0;
};

Counted count(const std::filesystem::path& path) {
    PacketSource source{CaptureFile(path.string())};
    Counted counted;
    while (const auto packet = source.next()) {
        const auto header = std::get<IpHeader>(read_ip_header(packet->octets));
        EXPECT_FALSE(header.is_fragment);
        EXPECT_EQ(header.packet.size(), packet->octets.size());
        if (header.protocol == 17) ++counted.udp;
        if (header.protocol == 6) ++counted.tcp;
    }
    EXPECT_FALSE(source.error()) << source.error()->text;
    counted.counts = source.counts();
    return counted;
}

class Corpus : public ::testing::Test {
   protected:
    void SetUp() override {
        if (!std::filesystem::is_directory(kCorpus)) GTEST_SKIP() << "there is no corpus at " << kCorpus;
    }
};

TEST_F(Corpus, HoldsAsManyPacketsAsTsharkSees) {
    for (const Expected& expected : kExpected) {
        SCOPED_TRACE(expected.file);
        const Counted counted = count(kCorpus / expected.file);
        EXPECT_EQ(counted.counts.frames, expected.frames);
        EXPECT_EQ(counted.counts.packets + counted.counts.held_fragments, expected.ip);
        EXPECT_EQ(counted.udp, expected.udp);
        EXPECT_EQ(counted.tcp, expected.tcp);
    }
}

/// Frames with octets changed at random. Of 613 frames with "ip", 521 with "udp" and 51 with "tcp", tshark reads 27,
/// 20 and 3 although their IP header promises more than there is, and calls 5 "ip" whose version is not 4.
TEST_F(Corpus, LeavesOutOnlyDamagedPacketsOfAFuzzedCapture) {
    const Counted counted = count(kCorpus / "malformed/editcap-fuzz-of-sipps-cirpack.pcap");
    EXPECT_EQ(counted.counts.frames, 691U);
    EXPECT_EQ(counted.udp, 521U - 20U);
    EXPECT_EQ(counted.tcp, 51U - 3U);
    EXPECT_EQ(counted.counts.of(LeftOut::cut_short), 27U);
    EXPECT_EQ(counted.counts.of(LeftOut::not_ip), 691U - 613U + 5U);
}

TEST_F(Corpus, HasNoCaptureThatIsNotInTheTable) {
    for (const auto* folder : {"pcap", "malformed"}) {
        for (const auto& entry : std::filesystem::directory_iterator(kCorpus / folder)) {
            const std::string extension = entry.path().extension().string();
            if (extension != ".pcap" && extension != ".pcapng" && extension != ".cap") continue;
            const std::string file = std::filesystem::relative(entry.path(), kCorpus).string();
            const bool known = file == "malformed/editcap-fuzz-of-sipps-cirpack.pcap" ||
                               std::any_of(kExpected.begin(), kExpected.end(),
                                           [&](const Expected& expected) { return expected.file == file; });
            EXPECT_TRUE(known) << file;
        }
    }
}

}  // namespace
}  // namespace messenger::daemon
