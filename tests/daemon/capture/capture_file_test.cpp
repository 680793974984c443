// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/capture_file.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <iterator>

#include "tests/support/capture_builder.h"
#include "tests/support/temporary_directory.h"

namespace messenger::daemon {
namespace {

using namespace messenger::testing;
using namespace std::chrono_literals;
using namespace std::string_view_literals;
using ::testing::HasSubstr;
using ::testing::StartsWith;
using Cause = CaptureError::Cause;

Bytes frame(std::size_t size, char fill = 'x') {
    return Bytes(size, static_cast<std::byte>(fill));
}

Bytes read_file(const std::string& path) {
    std::ifstream in(path, std::ios::binary);
    const std::string text{std::istreambuf_iterator<char>(in), {}};
    return to_bytes(text);
}

Bytes joined(const std::vector<Bytes>& parts) {
    Bytes all;
    for (const Bytes& part : parts) append(all, part);
    return all;
}

/// Reads to the end and counts.
std::size_t drain(CaptureFile& file) {
    std::size_t count = 0;
    while (file.next() != nullptr) ++count;
    return count;
}

class CaptureFileTest : public ::testing::Test {
   protected:
    [[nodiscard]] std::string pcap(const std::vector<CaptureRecord>& records, const PcapOptions& options = {}) const {
        const std::string path = (directory_.path() / "call.pcap").string();
        write_pcap(path, records, options);
        return path;
    }

    /// What reading octets as a file ends with; frames is how many came before.
    void expect_error(const Bytes& octets, std::size_t frames, Cause cause, std::string_view part) {
        const std::string path = directory_.write("broken", octets);
        CaptureFile file(path);
        EXPECT_EQ(drain(file), frames);
        ASSERT_TRUE(file.error()) << part;
        EXPECT_EQ(file.error()->cause, cause) << file.error()->text;
        EXPECT_THAT(file.error()->text, StartsWith(path + " "));
        EXPECT_THAT(file.error()->text, HasSubstr(part));
        EXPECT_EQ(file.next(), nullptr);  // stays at the end
    }

    TemporaryDirectory directory_;
};

TEST_F(CaptureFileTest, YieldsTimeLinkTypeOctetsAndOriginalSize) {
    CaptureFile file(pcap({{frame(60, 'a'), 1'700'000'000, 123'456'789}, {frame(40, 'b'), 1'700'000'001, 0, 1500}},
                          {.link_type = DLT_LINUX_SLL}));
    const CapturedFrame* first = file.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->time.time_since_epoch(), 1'700'000'000s + 123'456'789ns);
    EXPECT_EQ(first->link_type, 113);
    EXPECT_EQ(exact_copy(first->octets), frame(60, 'a'));
    EXPECT_EQ(first->original_size, 60U);
    const CapturedFrame* second = file.next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(exact_copy(second->octets), frame(40, 'b'));
    EXPECT_EQ(second->original_size, 1500U);
    EXPECT_EQ(file.next(), nullptr);
    EXPECT_FALSE(file.error());
    EXPECT_EQ(file.frames(), 2U);
}

TEST_F(CaptureFileTest, ReadsMicrosecondsAsNanoseconds) {
    CaptureFile file(pcap({{frame(60), 1'700'000'000, 123'456'000}}, {.nanoseconds = false}));
    const CapturedFrame* first = file.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->time.time_since_epoch(), 1'700'000'000s + 123'456us);
}

TEST_F(CaptureFileTest, ReadsTimesAfter2038) {
    CaptureFile file(pcap({{frame(60), 4'000'000'000}}));
    const CapturedFrame* first = file.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->time.time_since_epoch(), 4'000'000'000s);
}

TEST_F(CaptureFileTest, BoundsImpossibleTimes) {
    Bytes octets = joined({pcapng_section(), pcapng_interface(1), pcapng_packet({frame(60)})});
    const std::size_t stamp = pcapng_section().size() + pcapng_interface(1).size() + 12;
    for (std::size_t at = stamp; at < stamp + 8; ++at) octets[at] = std::byte{0xFF};
    CaptureFile file(directory_.write("late.pcapng", octets));
    const CapturedFrame* first = file.next();
    ASSERT_NE(first, nullptr);
    EXPECT_GE(first->time.time_since_epoch(), 0s);
    EXPECT_LE(first->time.time_since_epoch(), 9'000'000'001s);
}

TEST_F(CaptureFileTest, ReadsPcapng) {
    const Bytes octets = joined({pcapng_section(), pcapng_interface(276), pcapng_interface(276),
                                 pcapng_packet({frame(61, 'a'), 1'700'000'000, 123'456'789}, 1),
                                 pcapng_packet({frame(40, 'b'), 1'700'000'001, 7, 99}, 0)});
    CaptureFile file(directory_.write("call.pcapng", octets));
    const CapturedFrame* first = file.next();
    ASSERT_NE(first, nullptr);
    EXPECT_EQ(first->time.time_since_epoch(), 1'700'000'000s + 123'456'789ns);
    EXPECT_EQ(first->link_type, 276);
    EXPECT_EQ(exact_copy(first->octets), frame(61, 'a'));
    const CapturedFrame* second = file.next();
    ASSERT_NE(second, nullptr);
    EXPECT_EQ(second->original_size, 99U);
    EXPECT_EQ(file.next(), nullptr);
    EXPECT_FALSE(file.error()) << file.error()->text;
}

TEST_F(CaptureFileTest, CanBeMoved) {
    CaptureFile file(pcap({{frame(60)}, {frame(61)}}));
    ASSERT_NE(file.next(), nullptr);
    CaptureFile moved(std::move(file));
    ASSERT_NE(moved.next(), nullptr);
    CaptureFile target(pcap({{frame(60)}}));
    target = CaptureFile(pcap({{frame(60)}, {frame(60)}, {frame(60)}}));
    EXPECT_EQ(drain(target), 3U);
}

TEST_F(CaptureFileTest, ReadsStandardInput) {
    const std::string path = pcap({{frame(60)}, {frame(61)}});
    const int saved = ::dup(STDIN_FILENO);
    const int replacement = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    ASSERT_GE(replacement, 0);
    ASSERT_EQ(::dup2(replacement, STDIN_FILENO), STDIN_FILENO);
    {
        CaptureFile file("-");
        EXPECT_EQ(drain(file), 2U);
        EXPECT_FALSE(file.error());
    }
    EXPECT_GE(::fcntl(STDIN_FILENO, F_GETFD), 0);  // not ours to close
    ::close(replacement);
    if (saved >= 0) {
        ::dup2(saved, STDIN_FILENO);
        ::close(saved);
    }
}

TEST_F(CaptureFileTest, ReadsAPipeAndNamesThePlaceWhereItEnds) {
    const std::string path = (directory_.path() / "pipe").string();
    ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
    const Bytes octets = read_file(pcap({{frame(60)}, {frame(61)}}));
    const int keeps_open = ::open(path.c_str(), O_RDWR | O_CLOEXEC);  // so that nothing waits for the other side
    ASSERT_GE(keeps_open, 0);
    ASSERT_EQ(::write(keeps_open, octets.data(), octets.size() - 1), static_cast<ssize_t>(octets.size() - 1));
    CaptureFile file(path);
    ASSERT_NE(file.next(), nullptr);
    ::close(keeps_open);
    EXPECT_EQ(drain(file), 0U);
    ASSERT_TRUE(file.error());
    EXPECT_THAT(file.error()->text, HasSubstr("at byte " + std::to_string(octets.size() - 1)));
}

TEST_F(CaptureFileTest, ReportsWhatWasReadableBeforeTheCut) {
    const Bytes octets = read_file(pcap({{frame(60)}, {frame(61)}, {frame(62)}}));
    expect_error(exact_copy(ByteSpan(octets).first(octets.size() - 10)), 2, Cause::cut_off,
                 "is cut off after 2 packets: it ends at byte " + std::to_string(octets.size() - 10));
}

TEST_F(CaptureFileTest, SurvivesBeingCutAnywhere) {
    const Bytes classic = read_file(pcap({{frame(20)}, {frame(21)}, {frame(22)}}));
    const Bytes next_generation = joined({pcapng_section(), pcapng_interface(1), pcapng_packet({frame(20)}),
                                          pcapng_packet({frame(21)}), pcapng_packet({frame(22)})});
    for (const Bytes& octets : {classic, next_generation}) {
        std::size_t without_error = 0;
        for (std::size_t size = 0; size < octets.size(); ++size) {
            CaptureFile file(directory_.write("cut", ByteSpan(octets).first(size)));
            const std::size_t frames = drain(file);
            EXPECT_LT(frames, 3U) << size;
            if (!file.error()) ++without_error;
        }
        EXPECT_EQ(without_error, 3U);  // after the head, and after the first and second packet
        CaptureFile whole(directory_.write("whole", octets));
        EXPECT_EQ(drain(whole), 3U);
        EXPECT_FALSE(whole.error());
    }
}

TEST_F(CaptureFileTest, SaysWhyAFileCannotBeOpened) {
    CaptureFile missing((directory_.path() / "nowhere.pcap").string());
    EXPECT_EQ(missing.next(), nullptr);
    ASSERT_TRUE(missing.error());
    EXPECT_EQ(missing.error()->cause, Cause::cannot_read);
    EXPECT_THAT(missing.error()->text, HasSubstr("nowhere.pcap cannot be opened: No such file or directory"));

    CaptureFile directory(directory_.path().string());
    ASSERT_TRUE(directory.error());
    EXPECT_EQ(directory.error()->cause, Cause::cannot_read);
    EXPECT_THAT(directory.error()->text, HasSubstr("Is a directory"));
}

TEST_F(CaptureFileTest, SaysWhatAFileIsThatIsNoCapture) {
    expect_error({}, 0, Cause::not_a_capture, "is empty");
    expect_error(to_bytes("INVITE sip:a@example.com SIP/2.0\r\n"sv), 0, Cause::not_a_capture,
                 "neither pcap nor pcapng");
    expect_error(to_bytes("ab"sv), 0, Cause::not_a_capture, "neither pcap nor pcapng");
    expect_error(to_bytes("\x1F\x8B\x08\0\0\0\0\0\0\3"sv), 0, Cause::not_a_capture, "gzip -d");
    expect_error(to_bytes("\xFD\x37zXZ\0\0\4"sv), 0, Cause::not_a_capture, "xz -d");
    expect_error(to_bytes("\x28\xB5\x2F\xFD\0\0\0\0"sv), 0, Cause::not_a_capture, "zstd -d");
    expect_error(to_bytes("BZh91AY&SY"sv), 0, Cause::not_a_capture, "bzip2 -d");
    expect_error(to_bytes("snoop\0\0\0\0\0\0\2\0\0\0\4"sv), 0, Cause::not_a_capture, "editcap");
}

TEST_F(CaptureFileTest, SaysThatAFileHeaderIsCutOrDamaged) {
    Bytes octets = read_file(pcap({{frame(60)}}));
    expect_error(exact_copy(ByteSpan(octets).first(10)), 0, Cause::cut_off, "in its file header, at byte 10");
    octets[4] = std::byte{99};  // version
    expect_error(octets, 0, Cause::damaged, "file header that cannot be read");
    expect_error(pcapng_section(), 0, Cause::damaged, "Interface Description");
}

TEST_F(CaptureFileTest, SaysWhereARecordIsDamaged) {
    Bytes octets = read_file(pcap({{frame(60)}, {frame(61)}}));
    octets[24 + 16 + 60 + 8 + 3] = std::byte{0x7F};  // captured length, little-endian or big: too large either way
    octets[24 + 16 + 60 + 8] = std::byte{0x7F};
    expect_error(octets, 1, Cause::damaged, "is damaged after 1 packet, near byte 116");

    const Bytes no_such_interface = joined({pcapng_section(), pcapng_interface(1), pcapng_packet({frame(60)}, 3)});
    expect_error(no_such_interface, 0, Cause::damaged, "is damaged after 0 packets");
}

TEST_F(CaptureFileTest, SaysThatInterfacesAreMixed) {
    const Bytes start = joined({pcapng_section(), pcapng_interface(1), pcapng_packet({frame(60)})});
    expect_error(joined({start, pcapng_interface(113)}), 1, Cause::mixed_interfaces, "different link types");
    expect_error(joined({start, pcapng_interface(1, 96)}), 1, Cause::mixed_interfaces, "different snap lengths");
}

}  // namespace
}  // namespace messenger::daemon
