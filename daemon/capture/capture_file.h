// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "alg/base/time.h"
#include "daemon/capture/octets.h"

struct pcap;

namespace messenger::daemon {

/// One record of a capture.
struct CapturedFrame {
    alg::TimePoint time;            ///< since 1970-01-01 00:00 UTC
    int link_type = 0;              ///< see link_layer.h
    Octets octets;                  ///< as captured
    std::size_t original_size = 0;  ///< on the wire; above octets.size() if the capture cut it short
};

struct CaptureError {
    enum class Cause : std::uint8_t {
        cannot_read,       ///< the system says no: not there, not allowed, a directory, an error of the disk
        not_a_capture,     ///< neither pcap nor pcapng
        cut_off,           ///< the file ends where there must be more
        damaged,           ///< a length or a field that cannot be
        mixed_interfaces,  ///< pcapng with interfaces or sections that libpcap does not read together
    };
    Cause cause = Cause::cannot_read;
    std::string text;  ///< a whole sentence for people, with the file's name and without a full stop
};

/// Reads a pcap or pcapng file through libpcap. Frames up to the first error are handed out, then error() is set.
///
///     CaptureFile file("call.pcap");
///     while (const CapturedFrame* frame = file.next()) ...
///     if (file.error()) ...
class CaptureFile {
   public:
    /// path: a file or a pipe; "-" is standard input. A failure to open it shows in error().
    explicit CaptureFile(const std::string& path);
    ~CaptureFile();
    CaptureFile(CaptureFile&& other) noexcept;
    CaptureFile& operator=(CaptureFile&& other) noexcept;
    CaptureFile(const CaptureFile&) = delete;
    CaptureFile& operator=(const CaptureFile&) = delete;

    /// The next frame, or nullptr at the end and after an error. It and its octets live until the next call.
    [[nodiscard]] const CapturedFrame* next();

    [[nodiscard]] const std::optional<CaptureError>& error() const { return error_; }
    [[nodiscard]] std::uint64_t frames() const { return frames_; }  ///< handed out so far

   private:
    class Input;
    struct PcapCloser {
        void operator()(pcap* handle) const;
    };

    void explain_open_failure(const std::string& libpcap_text);
    void explain_read_failure(const std::string& libpcap_text);
    void fail(CaptureError::Cause cause, const std::string& text);

    std::string name_;
    std::unique_ptr<Input> input_;  // libpcap reads from it: must be destroyed last
    std::unique_ptr<pcap, PcapCloser> pcap_;
    int link_type_ = 0;
    std::uint64_t frames_ = 0;
    CapturedFrame frame_;
    std::optional<CaptureError> error_;
};

}  // namespace messenger::daemon
