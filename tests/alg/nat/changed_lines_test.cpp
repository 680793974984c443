// SPDX-License-Identifier: GPL-2.0-or-later
#include "alg/nat/changed_lines.h"

#include <gtest/gtest.h>

#include <string>

namespace messenger::alg {
namespace {

std::string shown(const EditList& edits) {
    std::string out;
    for (const ChangedLine& line : changed_lines(edits)) out += (line.added ? "+" : "-") + line.text + "\n";
    return out;
}

TEST(ChangedLines, ShowsEachTouchedLineBeforeAndAfter) {
    const std::string text =
        "v=0\r\nc=IN IP4 10.1.2.3\r\nt=0 0\r\nm=audio 5350 RTP/AVP 0\r\nm=video 5352 RTP/AVP 34\r\n";
    const std::string_view view = text;
    EditList edits;
    edits.begin(view);
    edits.replace(view.substr(text.find("10.1.2.3"), 8), "192.0.2.10");
    edits.replace(view.substr(text.find("5350"), 4), "40350");
    edits.replace(view.substr(text.find("5352"), 4), "0");
    EXPECT_EQ(shown(edits),
              "-c=IN IP4 10.1.2.3\n+c=IN IP4 192.0.2.10\n"
              "-m=audio 5350 RTP/AVP 0\n+m=audio 40350 RTP/AVP 0\n"
              "-m=video 5352 RTP/AVP 34\n+m=video 0 RTP/AVP 34\n");
}

TEST(ChangedLines, ShowsALineWithSeveralEditsOnce) {
    const std::string text = "Contact: <sip:10.1.2.3:7100>";
    const std::string_view view = text;
    EditList edits;
    edits.begin(view);
    edits.replace(view.substr(14, 8), "192.0.2.10");
    edits.replace(view.substr(23, 4), "40100");
    EXPECT_EQ(shown(edits), "-Contact: <sip:10.1.2.3:7100>\n+Contact: <sip:192.0.2.10:40100>\n");
}

TEST(ChangedLines, ShowsAnInsertedLineAlone) {
    const std::string text = "m=audio 1 RTP/AVP 0\r\na=sendrecv\r\nm=video 0 RTP/AVP 0\r\n";
    const std::string_view view = text;
    EditList edits;
    edits.begin(view);
    edits.replace(view.substr(text.find("recv") + 4, 0), "\r\na=rtcp:40360");
    EXPECT_EQ(shown(edits), "+a=rtcp:40360\n");
}

TEST(ChangedLines, ShowsALineThatGoes) {
    const std::string text = "one\ntwo\nthree\n";
    const std::string_view view = text;
    EditList edits;
    edits.begin(view);
    edits.replace(view.substr(4, 4), "");
    EXPECT_EQ(shown(edits), "-two\n");
}

TEST(ChangedLines, ShowsNothingWithoutEdits) {
    EditList edits;
    edits.begin("one\ntwo\n");
    EXPECT_EQ(shown(edits), "");
}

}  // namespace
}  // namespace messenger::alg
