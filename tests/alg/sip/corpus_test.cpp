// SPDX-License-Identifier: GPL-2.0-or-later
// Messages and streams made by others, where they are at hand: next to the repository, never in it.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "alg/sip/framing.h"
#include "alg/sip/message.h"
#include "tests/alg/sip/exact_copy.h"

namespace messenger::alg {
namespace {

namespace fs = std::filesystem;

fs::path corpus(std::string_view folder) {
    return fs::path(MESSENGER_CORPUS) / folder;
}

/// Skips the test, in plain words, without the corpus.
#define REQUIRE_CORPUS(folder)                                                          \
    if (!fs::is_directory(corpus(folder))) {                                            \
        GTEST_SKIP() << "no corpus at " << corpus(folder) << ": these files not tried"; \
    }

std::string contents(const fs::path& file) {
    std::ifstream in(file, std::ios::binary);
    return {std::istreambuf_iterator<char>(in), {}};
}

std::set<fs::path> files_in(const fs::path& folder, std::string_view extension) {
    std::set<fs::path> files;
    for (const auto& entry : fs::recursive_directory_iterator(folder)) {
        if (entry.is_regular_file() && entry.path().extension() == extension) files.insert(entry.path());
    }
    return files;
}

std::string outcome_of(std::string_view text) {
    const ExactCopy copy(text);
    SipMessageView view;
    const auto result = view.parse(copy.view(), Limits{});
    return std::string(result ? "understood" : name(result.error()));
}

/// What becomes of the messages of RFC 4475, by section 3.x.
const std::map<std::string, std::string>& torture_outcomes() {
    static const std::map<std::string, std::string> outcomes = {
        // 3.1.1: valid, and understood without exception
        {"wsinv", "understood"},
        {"intmeth", "understood"},
        {"esc01", "understood"},
        {"escnull", "understood"},
        {"esc02", "understood"},
        {"lwsdisp", "understood"},
        {"longreq", "understood"},
        {"dblreq", "understood"},
        {"semiuri", "understood"},
        {"transports", "understood"},
        {"mpart01", "understood"},
        {"unreason", "understood"},
        {"noreason", "understood"},
        // 3.1.2: invalid. What is wrong with the understood ones is in a value that we do not read
        {"badinv01", "understood"},
        {"clerr", "body_truncated"},
        {"ncl", "bad_content_length"},
        {"scalar02", "bad_cseq"},
        {"scalarlg", "bad_cseq"},
        {"quotbal", "understood"},
        {"ltgtruri", "understood"},
        {"lwsruri", "not_sip"},
        {"lwsstart", "not_sip"},
        {"trws", "not_sip"},
        {"escruri", "understood"},
        {"baddate", "understood"},
        {"regbadct", "understood"},
        {"badaspec", "understood"},
        {"baddn", "bad_header"},  // the file ends without the empty line
        {"badvers", "not_sip"},
        {"mismatch01", "bad_cseq"},
        {"mismatch02", "bad_cseq"},
        {"bigcode", "not_sip"},
        // 3.2 and 3.3: transaction and application layer
        {"badbranch", "understood"},
        {"insuf", "missing_header"},
        {"unkscm", "understood"},
        {"novelsc", "understood"},
        {"unksm2", "understood"},
        {"bext01", "understood"},
        {"invut", "understood"},
        {"regaut01", "understood"},
        {"multi01", "repeated_header"},
        {"mcl01", "repeated_header"},
        {"bcast", "understood"},
        {"zeromf", "understood"},
        {"cparam01", "understood"},
        {"cparam02", "understood"},
        {"regescrt", "understood"},
        {"sdp01", "understood"},
        // 3.4: backward compatibility
        {"inv2543", "understood"},
    };
    return outcomes;
}

TEST(SipCorpus, HasTheExpectedOutcomeForEveryRfc4475Message) {
    REQUIRE_CORPUS("torture/rfc4475");
    std::map<std::string, std::string> outcomes;
    for (const fs::path& file : files_in(corpus("torture/rfc4475"), ".dat")) {
        outcomes[file.stem().string()] = outcome_of(contents(file));
    }
    EXPECT_EQ(outcomes, torture_outcomes());
}

TEST(SipCorpus, ReadsTheValuesOfTheHardestRfc4475Messages) {
    REQUIRE_CORPUS("torture/rfc4475");
    SipMessageView view;
    const std::string wsinv = contents(corpus("torture/rfc4475/wsinv.dat"));
    ASSERT_TRUE(view.parse(wsinv, Limits{}));
    EXPECT_EQ(view.to_tag(), "1918181833n");
    EXPECT_EQ(view.from_tag(), "98asjd8");
    EXPECT_EQ(view.cseq(), 9U);
    EXPECT_EQ(view.body().size(), 150U);
    const std::string intmeth = contents(corpus("torture/rfc4475/intmeth.dat"));
    ASSERT_TRUE(view.parse(intmeth, Limits{}));
    EXPECT_EQ(view.method_text(), "!interesting-Method0123456789_*+`.%indeed'~");
    EXPECT_EQ(view.from_tag(), "_token~1'+`*%!-.");
    const std::string dblreq = contents(corpus("torture/rfc4475/dblreq.dat"));
    ASSERT_TRUE(view.parse(dblreq, Limits{}));
    EXPECT_EQ(view.method(), Method::register_);
    EXPECT_EQ(view.body(), "");
    EXPECT_LT(view.whole().size(), dblreq.size());
    const std::string quotbal = contents(corpus("torture/rfc4475/quotbal.dat"));
    ASSERT_TRUE(view.parse(quotbal, Limits{}));
    EXPECT_EQ(view.to_tag(), "");
}

/// The messages from Microsoft's documents and old captures that cannot be read; all others must be.
const std::map<std::string, std::string>& microsoft_exceptions() {
    static const std::map<std::string, std::string> outcomes = {
        // printed with an empty Content-Length
        {"02-l1011-service-sip-user-tradewind-c", "bad_content_length"},
        {"03-l1119-service-sip-target-tradewind", "bad_content_length"},
        {"04-l1242-subscribe-sip-watcher-tradew", "bad_content_length"},
        // printed with a body that was shortened or folded
        {"06-l2151-sip-2-0-200-ok", "body_truncated"},
        {"27-l2804-subscribe-sip-user1-server-c", "body_truncated"},
        {"28-l2880-sip-2-0-200-ok", "body_truncated"},
        {"29-l3023-benotify-sip-11-22-33-44-167", "body_truncated"},
        {"34-l3382-service-sip-server-contoso-c", "body_truncated"},
        {"44-l3856-notify-sip-193-12-63-150-136", "body_truncated"},
        // CR LF became LF in the file and the body shorter by that, or the damage is the file's purpose
        {"invite00", "body_truncated"},
        {"message", "body_truncated"},
        {"ms-invite-00", "body_truncated"},
        {"message02", "bad_header"},
        {"ms-invite-00-rpl", "bad_header"},
        {"rport", "bad_header"},
        {"resiprocate-windows-rtc-register-missing-crlf", "not_sip"},
    };
    return outcomes;
}

TEST(SipCorpus, UnderstandsMicrosoftsMessages) {
    REQUIRE_CORPUS("microsoft");
    std::map<std::string, std::string> exceptions;
    std::size_t understood = 0;
    for (const fs::path& file : files_in(corpus("microsoft"), ".sip")) {
        const std::string text = contents(file);
        const std::string outcome = outcome_of(text);
        if (outcome != "understood") {
            exceptions[file.stem().string()] = outcome;
            continue;
        }
        ++understood;
        SipMessageView view;
        ASSERT_TRUE(view.parse(text, Limits{}));
        EXPECT_FALSE(view.from_tag().empty()) << file;
        EXPECT_FALSE(view.top_via().empty()) << file;
    }
    EXPECT_EQ(exceptions, microsoft_exceptions());
    EXPECT_GE(understood, 40U);
}

/// The strings of an array of JSON, which the corpus writes one to a line.
std::vector<std::string> json_strings(std::string_view json, std::string_view key) {
    std::vector<std::string> strings;
    const std::size_t begin = json.find("\"" + std::string(key) + "\": [");
    if (begin == std::string_view::npos) return strings;
    std::string current;
    bool inside = false;
    for (std::size_t at = json.find('[', begin); at < json.size() && (inside || json[at] != ']'); ++at) {
        if (json[at] == '"') {
            if (inside) strings.push_back(current);
            current.clear();
            inside = !inside;
        } else if (inside && json[at] == '\\') {
            ++at;
            switch (json[at]) {
                case 'r': current += '\r'; break;
                case 'n': current += '\n'; break;
                case 'u':
                    current += static_cast<char>(std::stoi(std::string(json.substr(at + 1, 4)), nullptr, 16));
                    at += 4;
                    break;
                default: current += json[at];
            }
        } else if (inside) {
            current += json[at];
        }
    }
    return strings;
}

struct Stream {
    std::vector<std::string> messages;
    std::string end;  ///< "waits" for more, or the name of the error
};

Stream read_stream(std::string_view text) {
    Stream stream;
    for (;;) {
        const ExactCopy copy(text);
        std::size_t scanned = 0;
        const auto frame = find_frame(copy.view(), Limits{}, scanned);
        stream.end = frame ? "waits" : name(frame.error());
        if (!frame) return stream;
        const std::size_t total = frame->head_bytes + frame->body_bytes;
        if (frame->state != Frame::State::head || text.size() - frame->skip < total) return stream;
        stream.messages.emplace_back(text.substr(frame->skip, total));
        text.remove_prefix(frame->skip + total);
    }
}

struct StreamRow {
    const char* name;
    const char* end;
    std::size_t more_messages;  ///< than the splitter that the corpus was made with finds
};

TEST(SipCorpus, SplitsStreamsAsTheCorpusSays) {
    REQUIRE_CORPUS("torture/tcp-splitter");
    // That splitter wants a Content-Length, and looks for a next start line when it is lost. We take a head without
    // Content-Length and Content-Type for a message without body, and never look for a start line in mid-stream.
    const std::vector<StreamRow> rows = {
        {"bad_status_version", "not_sip", 0},
        {"badrequestline", "not_sip", 0},
        {"badresponseline", "not_sip", 0},
        {"clen_missing", "waits", 1},
        {"clen_missing_then_good", "waits", 1},
        {"clen_non_numeric", "bad_content_length", 0},
        {"complete_request", "waits", 0},
        {"complete_response", "waits", 0},
        {"complete_two_incomplete", "waits", 0},
        {"complete_two_requests", "waits", 0},
        {"complete_with_body", "waits", 0},
        {"empty", "waits", 0},
        {"full_request", "waits", 0},
        {"incomplete_body", "waits", 0},
        {"incomplete_headers", "waits", 0},
        {"junkline", "not_sip", 0},
        {"randomjunk", "waits", 0},  // could become a method
    };
    for (const StreamRow& row : rows) {
        const fs::path base = corpus("torture/tcp-splitter") / row.name;
        const Stream stream = read_stream(contents(base.string() + ".stream"));
        const auto expected = json_strings(contents(base.string() + ".expected"), "Messages");
        EXPECT_EQ(stream.end, row.end) << row.name;
        ASSERT_EQ(stream.messages.size(), expected.size() + row.more_messages) << row.name;
        EXPECT_EQ(std::vector<std::string>(stream.messages.begin() + static_cast<std::ptrdiff_t>(row.more_messages),
                                           stream.messages.end()),
                  expected)
            << row.name;
    }
    const Stream lost = read_stream(contents(corpus("torture/tcp-splitter") / "bad_then_sip.stream"));
    EXPECT_EQ(lost.end, "not_sip");
    EXPECT_TRUE(lost.messages.empty());
    EXPECT_EQ(files_in(corpus("torture/tcp-splitter"), ".stream").size(), rows.size() + 1);
}

}  // namespace
}  // namespace messenger::alg
