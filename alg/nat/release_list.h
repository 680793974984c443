// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace messenger::alg {

/// The caller's name for a packet that waits for its verdict.
using PacketToken = std::uint64_t;

enum class Fate : std::uint8_t {
    pass,     ///< as it came
    replace,  ///< with Release::packet in its place
    drop,     ///< the sender's repetition of a packet that is still held, behind a gap
};

/// The verdict on one packet.
struct Release {
    PacketToken token = 0;
    Fate fate = Fate::pass;
    std::vector<std::byte> packet;  ///< only with replace
    bool edited = false;            ///< its connection is altered: no packet of it may go on without us
};

/// Verdicts in the order in which they have to be given. Keep one and use it again: entries keep their memory.
class ReleaseList {
   public:
    void clear() { size_ = 0; }
    [[nodiscard]] bool empty() const { return size_ == 0; }
    [[nodiscard]] std::size_t size() const { return size_; }
    [[nodiscard]] const Release& operator[](std::size_t index) const { return entries_[index]; }

    /// Borrowed until the next call. packet holds what it held last time.
    Release& add(PacketToken token, Fate fate) {
        if (size_ == entries_.size()) entries_.emplace_back();
        Release& release = entries_[size_++];
        release.token = token;
        release.edited = false;
        release.fate = fate;
        return release;
    }

    /// All from this one on are of an altered connection.
    void mark_edited(std::size_t first) {
        for (std::size_t i = first; i < size_; ++i) entries_[i].edited = true;
    }

    /// Room in which payloads are put together.
    [[nodiscard]] std::string& scratch() { return scratch_; }

   private:
    std::vector<Release> entries_;  ///< the first size_ are in use
    std::size_t size_ = 0;
    std::string scratch_;
};

}  // namespace messenger::alg
