// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/call/session_bodies.h"

#include <gmock/gmock.h>

#include "tests/support/sip_text.h"

namespace messenger::alg {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

struct Result {
    std::optional<Error> error;
    std::vector<std::uint16_t> ports;  ///< of the first medium of each description
};

Result read(const std::string& headers, const std::string& body) {
    const std::string text =
        testing::wire("INVITE sip:b SIP/2.0\nFrom: <sip:a>;tag=a\nTo: <sip:b>\nCall-ID: c\nCSeq: 1 INVITE\n" + headers +
                      "Content-Length: *\n\n" + body);
    SipMessageView message;
    EXPECT_TRUE(message.parse(text, Limits{}));
    SessionBodies bodies;
    Result result;
    result.error =
        bodies.read(message, Limits{}, [&](const SdpView& sdp) { result.ports.push_back(sdp.media()[0].port); });
    return result;
}

std::string audio(int port) {
    return testing::sdp("10.1.2.3", "m=audio " + std::to_string(port) + " RTP/AVP 0\n");
}

std::string part(const std::string& type, const std::string& body, const std::string& boundary = "b") {
    return "--" + boundary + "\nContent-Type: " + type + "\n\n" + body + "\n";
}

TEST(SessionBodies, ReadsABodyThatIsSdp) {
    EXPECT_THAT(read("Content-Type: application/sdp\n", audio(5350)).ports, ElementsAre(5350));
    EXPECT_THAT(read("c: Application/SDP; charset=utf-8\n", audio(5350)).ports, ElementsAre(5350));
}

TEST(SessionBodies, LeavesOtherBodiesAlone) {
    for (const char* headers :
         {"Content-Type: text/plain\n", "", "Content-Type: application/sdp\nContent-Encoding: gzip\n"}) {
        const Result result = read(headers, audio(5350));
        EXPECT_FALSE(result.error) << headers;
        EXPECT_THAT(result.ports, IsEmpty()) << headers;
    }
    EXPECT_FALSE(read("Content-Type: application/sdp\n", "").error);
}

TEST(SessionBodies, ReadsEveryDescriptionOfAMultipartBody) {
    const Result result = read("Content-Type: multipart/alternative;boundary=\"b\"\n",
                               part("application/sdp", audio(1)) + part("text/plain", "hello") +
                                   part("application/sdp", audio(2)) + "--b--\n");
    EXPECT_FALSE(result.error);
    EXPECT_THAT(result.ports, ElementsAre(1, 2));
}

TEST(SessionBodies, LooksOneLevelDeep) {
    const std::string inner = part("application/sdp", audio(3), "i") + "--i--";
    const std::string nested = part("multipart/mixed;boundary=i", inner) + "--b--\n";
    EXPECT_THAT(read("Content-Type: multipart/mixed;boundary=b\n", nested).ports, ElementsAre(3));
    const std::string outer = "--o\nContent-Type: multipart/mixed;boundary=b\n\n" + nested + "--o--\n";
    const Result too_deep = read("Content-Type: multipart/mixed;boundary=o\n", outer);
    EXPECT_FALSE(too_deep.error);
    EXPECT_THAT(too_deep.ports, IsEmpty());
}

TEST(SessionBodies, SaysWhatCannotBeRead) {
    EXPECT_EQ(read("Content-Type: application/sdp\n", "nonsense").error, Error::bad_sdp);
    EXPECT_EQ(read("Content-Type: multipart/mixed\n", "--b--").error, Error::bad_multipart);
    EXPECT_EQ(read("Content-Type: multipart/mixed;boundary=b\n", part("application/sdp", audio(1))).error,
              Error::bad_multipart);
}

}  // namespace
}  // namespace messenger::alg
