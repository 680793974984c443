// SPDX-License-Identifier: GPL-2.0-or-later
// Messages of others, rewritten: what is signed stays, nothing is edited without a translation, and turned back they
// have the same bytes.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <memory>
#include <set>
#include <string>

#include "alg/net/packet.h"
#include "alg/sip/framing.h"
#include "daemon/capture/packet_source.h"
#include "tests/support/rewrite_check.h"

namespace messenger::daemon {
namespace {

namespace fs = std::filesystem;

const fs::path kCorpus = MESSENGER_CORPUS;

/// The messages of all files, each once: of captures from UDP and from TCP whose segments came in order, of other files
/// from the beginning on.
class Messages {
   public:
    void read(const fs::path& file) {
        const std::string type = file.extension().string();
        if (type == ".pcap" || type == ".pcapng" || type == ".cap") {
            read_capture(file);
            return;
        }
        std::ifstream in(file, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(in), {}};
        add(text);
        feed(text, streams_[alg::FlowTuple{}]);
        streams_.clear();
    }

    [[nodiscard]] const std::set<std::string>& all() const { return messages_; }

   private:
    struct Stream {
        std::string bytes;  ///< that are no whole message yet
        std::uint32_t next = 0;
        bool lost = false;
    };

    void add(std::string_view text) {
        alg::SipMessageView message;
        if (message.parse(text, limits_)) messages_.emplace(message.whole());
    }

    void feed(std::string_view bytes, Stream& stream) {
        stream.bytes += bytes;
        while (!stream.lost) {
            std::size_t scanned = 0;
            const auto frame = alg::find_frame(stream.bytes, limits_, scanned);
            stream.lost = !frame;
            if (!frame || frame->state == alg::Frame::State::need_more) return;
            const std::size_t whole = frame->skip + frame->head_bytes + frame->body_bytes;
            if (stream.bytes.size() < whole) return;
            add(std::string_view(stream.bytes).substr(frame->skip, whole - frame->skip));
            stream.bytes.erase(0, whole);
        }
    }

    void read_capture(const fs::path& file) {
        PacketSource source{CaptureFile(file.string())};
        while (const auto captured = source.next()) {
            const auto packet = alg::parse_packet(std::as_bytes(captured->octets));
            if (!packet) continue;
            if (packet->tuple.transport == alg::Transport::udp) {
                add(packet->payload);
                continue;
            }
            Stream& stream = streams_[packet->tuple];
            const std::uint32_t sequence = packet->tcp.sequence + (packet->tcp.syn ? 1 : 0);
            if (packet->tcp.syn) stream.next = sequence;
            if (packet->payload.empty() || sequence != stream.next) continue;
            stream.next += static_cast<std::uint32_t>(packet->payload.size());
            feed(packet->payload, stream);
        }
        streams_.clear();
    }

    alg::Limits limits_;
    std::map<alg::FlowTuple, Stream> streams_;
    std::set<std::string> messages_;
};

std::set<std::string> corpus_messages() {
    Messages messages;
    for (const auto& entry : fs::recursive_directory_iterator(kCorpus)) {
        if (entry.is_regular_file()) messages.read(entry.path());
    }
    return messages.all();
}

class RewriteCorpus : public ::testing::Test {
   protected:
    void SetUp() override {
        if (!fs::is_directory(kCorpus)) GTEST_SKIP() << "no corpus at " << kCorpus << ": no message of others tried";
        static const std::set<std::string> messages = corpus_messages();
        messages_ = &messages;
        ASSERT_GT(messages.size(), 1000U);
    }

    const std::set<std::string>* messages_ = nullptr;
    std::unique_ptr<testing::RewriteCheck> rewrite_ = std::make_unique<testing::RewriteCheck>();
};

TEST_F(RewriteCorpus, KeepsWhatIsSignedAndEveryOtherHeader) {
    for (const std::string& message : *messages_) EXPECT_EQ(rewrite_->check(message), "") << message;
}

TEST_F(RewriteCorpus, TurnsEveryMessageBackToItsBytes) {
    for (const bool public_too : {false, true}) {
        std::size_t edited = 0;
        std::size_t edits = 0;
        for (const std::string& message : *messages_) {
            EXPECT_TRUE(rewrite_->turns_back(message, public_too)) << message << "\n-- became --\n"
                                                                   << rewrite_->edited();
            if (rewrite_->edit_count() > 0) ++edited;
            edits += rewrite_->edit_count();
        }
        EXPECT_GT(edited, public_too ? 2000U : 100U);
        std::cout << (public_too ? "all" : "private") << " addresses changed: " << edits << " edits in " << edited
                  << " of " << messages_->size() << " messages\n";
    }
}

}  // namespace
}  // namespace messenger::daemon
