// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/explain.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <filesystem>
#include <memory>
#include <string>

#include "tests/daemon/explain/recorded_call.h"
#include "tests/support/capture_builder.h"
#include "tests/support/temporary_directory.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using ::testing::HasSubstr;

struct FileCloser {
    void operator()(std::FILE* file) const { (void)std::fclose(file); }
};
using File = std::unique_ptr<std::FILE, FileCloser>;

std::string read_all(std::FILE* file) {
    std::string text;
    std::rewind(file);
    for (int c = std::fgetc(file); c != EOF; c = std::fgetc(file)) text += static_cast<char>(c);
    return text;
}

class ExplainTest : public ::testing::Test {
   protected:
    bool run(const std::vector<std::string>& files) {
        ExplainOptions options;
        options.policy = policy_of_captures();
        options.limits = limits_for_captures(options.limits);
        options.format = ExplainFormat::json;
        options.files = files;
        const File out(std::tmpfile());
        const File err(std::tmpfile());
        const bool done = explain(options, out.get(), err.get());
        out_ = read_all(out.get());
        err_ = read_all(err.get());
        return done;
    }
    [[nodiscard]] std::string path(std::string_view name) const { return (directory_.path() / name).string(); }

    TemporaryDirectory directory_;
    std::string out_;
    std::string err_;
};

TEST_F(ExplainTest, ReadsSeveralCaptures) {
    write_pcap(path("a.pcap"), {{ethernet_frame(udp_packet(kAlice, kBob, kInvite))}});
    write_pcap(path("b.pcap"), {{ethernet_frame(udp_packet(kAlice, kBob, "hello"))}});
    EXPECT_TRUE(run({path("a.pcap"), path("b.pcap")}));
    EXPECT_EQ(err_, "");
    EXPECT_THAT(out_, HasSubstr("INVITE sip:bob@example.com"));
    EXPECT_THAT(out_, HasSubstr(R"({"event":"capture","file":")" + path("b.pcap")));
}

TEST_F(ExplainTest, TellsWhatItCouldReadOfACaptureThatIsCutOff) {
    write_pcap(path("cut.pcap"),
               {{ethernet_frame(udp_packet(kAlice, kBob, kInvite))}, {ethernet_frame(udp_packet(kBob, kAlice, kOk))}});
    std::filesystem::resize_file(path("cut.pcap"), std::filesystem::file_size(path("cut.pcap")) - 1);
    EXPECT_FALSE(run({path("cut.pcap")}));
    EXPECT_THAT(out_, HasSubstr("INVITE sip:bob@example.com"));
    EXPECT_THAT(out_, HasSubstr(R"("error":")"));
    EXPECT_THAT(err_, HasSubstr("cut.pcap"));
}

TEST_F(ExplainTest, GoesOnAfterAFileThatIsMissing) {
    write_pcap(path("a.pcap"), {{ethernet_frame(udp_packet(kAlice, kBob, kInvite))}});
    EXPECT_FALSE(run({path("missing.pcap"), path("a.pcap")}));
    EXPECT_THAT(err_, HasSubstr("missing.pcap"));
    EXPECT_THAT(out_, HasSubstr("INVITE sip:bob@example.com"));
}

TEST_F(ExplainTest, SaysWhenTheReportCannotBeWritten) {
    write_pcap(path("a.pcap"), {{ethernet_frame(udp_packet(kAlice, kBob, kInvite))}});
    ExplainOptions options;
    options.policy = policy_of_captures();
    options.files = {path("a.pcap")};
    const File full(std::fopen("/dev/full", "w"));
    ASSERT_TRUE(full);
    const File err(std::tmpfile());
    EXPECT_FALSE(explain(options, full.get(), err.get()));
    EXPECT_THAT(read_all(err.get()), HasSubstr("cannot write the report: No space left on device"));
}

}  // namespace
}  // namespace messenger::daemon
