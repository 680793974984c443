// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/queue/verdict_batch.h"

#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nfnetlink_queue.h>
#include <linux/netlink.h>
#include <sys/socket.h>

#include <cassert>
#include <cstring>

namespace messenger::daemon {

namespace {

constexpr std::size_t kNumber = sizeof(std::uint32_t);
constexpr std::size_t kLongestValue = UINT16_MAX - sizeof(nlattr);  // nla_len has 16 bits

[[nodiscard]] std::size_t padding(std::size_t length) {
    return (4 - length % 4) % 4;
}

[[nodiscard]] std::size_t attribute_size(std::size_t value) {
    return sizeof(nlattr) + value + padding(value);
}

/// Appends to a vector that has the capacity; the caller has checked.
class Writer {
   public:
    explicit Writer(std::vector<std::byte>& out) : out_(out) {}

    template <class T>
    void host_order(const T& value) {
        const auto* begin = reinterpret_cast<const std::byte*>(&value);  // bytes of an integer, to be appended
        out_.insert(out_.end(), begin, begin + sizeof(T));
    }
    void big_endian16(std::uint16_t value) {
        out_.push_back(static_cast<std::byte>(value >> 8U));
        out_.push_back(static_cast<std::byte>(value & 0xffU));
    }
    void big_endian32(std::uint32_t value) {
        big_endian16(static_cast<std::uint16_t>(value >> 16U));
        big_endian16(static_cast<std::uint16_t>(value & 0xffffU));
    }
    void attribute(std::uint16_t type, std::size_t value_length) {
        assert(value_length <= kLongestValue);
        host_order(static_cast<std::uint16_t>(sizeof(nlattr) + value_length));
        host_order(type);
    }
    void padded(std::span<const std::byte> value) {
        out_.insert(out_.end(), value.begin(), value.end());
        out_.resize(out_.size() + padding(value.size()));
    }

   private:
    std::vector<std::byte>& out_;
};

}  // namespace

std::size_t VerdictBatch::size_of(const Verdict& verdict) {
    std::size_t size = sizeof(nlmsghdr) + sizeof(nfgenmsg) + attribute_size(sizeof(nfqnl_msg_verdict_hdr));
    if (verdict.mark) size += attribute_size(kNumber);
    if (!verdict.replacement.empty()) size += attribute_size(verdict.replacement.size());
    return size;
}

bool VerdictBatch::add(const Verdict& verdict, std::uint32_t sequence) {
    if (verdict.replacement.size() > kLongestValue) return false;
    const std::size_t size = size_of(verdict);
    if (size > bytes_.capacity() - bytes_.size()) return false;
    [[maybe_unused]] const std::size_t begin = bytes_.size();
    Writer writer(bytes_);
    // struct nlmsghdr
    writer.host_order(static_cast<std::uint32_t>(size));
    writer.host_order(static_cast<std::uint16_t>(NFNL_SUBSYS_QUEUE << 8U | NFQNL_MSG_VERDICT));
    writer.host_order(static_cast<std::uint16_t>(NLM_F_REQUEST));
    writer.host_order(sequence);
    writer.host_order(std::uint32_t{0});
    // struct nfgenmsg
    writer.host_order(static_cast<std::uint8_t>(AF_UNSPEC));
    writer.host_order(static_cast<std::uint8_t>(NFNETLINK_V0));
    writer.big_endian16(verdict.queue);

    writer.attribute(NFQA_VERDICT_HDR, sizeof(nfqnl_msg_verdict_hdr));
    writer.big_endian32(static_cast<std::uint32_t>(verdict.action));
    writer.big_endian32(verdict.packet_id);
    if (verdict.mark) {
        writer.attribute(NFQA_MARK, kNumber);
        writer.big_endian32(*verdict.mark);
    }
    if (!verdict.replacement.empty()) {
        writer.attribute(NFQA_PAYLOAD, verdict.replacement.size());
        writer.padded(verdict.replacement);
    }
    assert(bytes_.size() - begin == size);
    return true;
}

}  // namespace messenger::daemon
