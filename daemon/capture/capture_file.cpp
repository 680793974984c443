// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/capture/capture_file.h"

#include <fcntl.h>
#include <pcap/pcap.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdio>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

namespace messenger::daemon {
namespace {

struct FileCloser {
    void operator()(std::FILE* file) const {
        // Read only: nothing to lose. NOLINTNEXTLINE(cppcoreguidelines-owning-memory)
        static_cast<void>(std::fclose(file));
    }
};

/// The name of a format that people mistake for a capture, and what to do about it; empty if none.
struct KnownFormat {
    std::string_view start;
    std::string_view name;
    std::string_view advice;
};

using namespace std::string_view_literals;

constexpr std::array<KnownFormat, 5> kKnownFormats{{
    {"\x1F\x8B"sv, "compressed with gzip", "unpack it with gzip -d first"},
    {"\xFD\x37zXZ"sv, "compressed with xz", "unpack it with xz -d first"},
    {"\x28\xB5\x2F\xFD"sv, "compressed with zstd", "unpack it with zstd -d first"},
    {"BZh"sv, "compressed with bzip2", "unpack it with bzip2 -d first"},
    {"snoop\0"sv, "a snoop capture", "convert it with editcap -F pcap first"},
}};

std::string system_text(int error) {
    return std::generic_category().message(error);
}

std::string counted_packets(std::uint64_t count) {
    return count == 1 ? "1 packet" : std::to_string(count) + " packets";
}

/// Nanoseconds since 1970. libpcap hands out what the file says: seconds of any size (pcapng counts in 64 bits), and
/// microseconds that may be more than a second.
alg::TimePoint time_of(const timeval& stamp) {
    constexpr std::int64_t kLatest = 9'000'000'000;  // the year 2255, before 64 bits of nanoseconds end
    std::int64_t seconds = stamp.tv_sec;
    // pcap's seconds are unsigned, but libpcap reads them as signed when the byte order is its own.
    if (seconds < 0) seconds += std::int64_t{1} << 32U;
    seconds = std::clamp(seconds, std::int64_t{0}, kLatest);
    const std::int64_t fraction = std::clamp(std::int64_t{stamp.tv_usec}, std::int64_t{0}, std::int64_t{999'999'999});
    return alg::TimePoint(std::chrono::seconds(seconds) + std::chrono::nanoseconds(fraction));
}

}  // namespace

/// A descriptor behind a FILE of our own, because libpcap reads from a FILE: counts what is read, so that errors can
/// name a place in pipes, too; keeps errno and the first octets; and has a buffer that is worth a system call.
class CaptureFile::Input {
   public:
    explicit Input(const std::string& path) {
        if (path == "-") {
            descriptor_ = STDIN_FILENO;
        } else {
            descriptor_ = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
            owned_ = descriptor_ >= 0;
        }
        struct stat status {};
        if (descriptor_ < 0 || ::fstat(descriptor_, &status) != 0) {
            error_ = errno;
        } else if (S_ISDIR(status.st_mode)) {
            error_ = EISDIR;
        }
    }
    ~Input() {
        if (owned_) ::close(descriptor_);
    }
    Input(const Input&) = delete;
    Input& operator=(const Input&) = delete;
    Input(Input&&) = delete;  // the stream keeps its address
    Input& operator=(Input&&) = delete;

    /// A stream that reads from this and must not outlive it. Empty if the system says no.
    std::unique_ptr<std::FILE, FileCloser> open_stream() {
        cookie_io_functions_t functions{};
        functions.read = [](void* self, char* to, std::size_t size) {
            return static_cast<Input*>(self)->read(to, size);
        };
        functions.seek = [](void* self, off64_t* offset, int whence) {
            return static_cast<Input*>(self)->tell(*offset, whence);
        };
        std::unique_ptr<std::FILE, FileCloser> stream(::fopencookie(this, "r", functions));
        if (!stream || std::setvbuf(stream.get(), buffer_.data(), _IOFBF, buffer_.size()) != 0) error_ = errno;
        return stream;
    }

    [[nodiscard]] int error() const { return error_; }
    [[nodiscard]] std::uint64_t octets_read() const { return octets_read_; }
    [[nodiscard]] std::string_view start() const {
        return {start_.data(), static_cast<std::size_t>(std::min<std::uint64_t>(octets_read_, start_.size()))};
    }

   private:
    ssize_t read(char* to, std::size_t size) {
        ssize_t got = 0;
        do {
            got = ::read(descriptor_, to, size);
        } while (got < 0 && errno == EINTR);
        if (got < 0) {
            error_ = errno;
            return -1;
        }
        for (std::size_t i = 0; i < static_cast<std::size_t>(got) && octets_read_ + i < start_.size(); ++i) {
            start_.at(static_cast<std::size_t>(octets_read_) + i) = to[i];
        }
        octets_read_ += static_cast<std::uint64_t>(got);
        return got;
    }

    /// Only "where am I?", which ftello() asks.
    int tell(off64_t& offset, int whence) const {
        if (whence != SEEK_CUR || offset != 0) {
            errno = ESPIPE;
            return -1;
        }
        offset = static_cast<off64_t>(octets_read_);
        return 0;
    }

    int descriptor_ = -1;
    bool owned_ = false;
    int error_ = 0;
    std::uint64_t octets_read_ = 0;
    std::array<char, 6> start_{};
    std::vector<char> buffer_ = std::vector<char>(std::size_t{256} * 1024);
};

void CaptureFile::PcapCloser::operator()(pcap* handle) const {
    ::pcap_close(handle);
}

CaptureFile::~CaptureFile() = default;
CaptureFile::CaptureFile(CaptureFile&& other) noexcept = default;

CaptureFile& CaptureFile::operator=(CaptureFile&& other) noexcept {
    // Not memberwise: the old pcap_ reads from the old input_ and must go first.
    pcap_ = std::move(other.pcap_);
    input_ = std::move(other.input_);
    name_ = std::move(other.name_);
    link_type_ = other.link_type_;
    frames_ = other.frames_;
    frame_ = other.frame_;
    error_ = std::move(other.error_);
    return *this;
}

CaptureFile::CaptureFile(const std::string& path)
    : name_(path == "-" ? "standard input" : path), input_(std::make_unique<Input>(path)) {
    std::unique_ptr<std::FILE, FileCloser> stream;
    if (input_->error() == 0) stream = input_->open_stream();
    if (input_->error() != 0) {
        fail(CaptureError::Cause::cannot_read, "cannot be opened: " + system_text(input_->error()));
        return;
    }
    std::array<char, PCAP_ERRBUF_SIZE> text{};
    pcap_.reset(::pcap_fopen_offline_with_tstamp_precision(stream.get(), PCAP_TSTAMP_PRECISION_NANO, text.data()));
    if (!pcap_) {
        explain_open_failure(text.data());
        return;
    }
    static_cast<void>(stream.release());  // pcap_close() closes it
    link_type_ = ::pcap_datalink(pcap_.get());
}

const CapturedFrame* CaptureFile::next() {
    if (!pcap_) return nullptr;
    pcap_pkthdr* header = nullptr;
    const u_char* data = nullptr;
    const int result = ::pcap_next_ex(pcap_.get(), &header, &data);
    if (result != 1) {
        if (result != PCAP_ERROR_BREAK || std::ferror(::pcap_file(pcap_.get())) != 0) {
            explain_read_failure(::pcap_geterr(pcap_.get()));
        }
        pcap_.reset();
        return nullptr;
    }
    ++frames_;
    frame_.time = time_of(header->ts);
    frame_.link_type = link_type_;
    frame_.octets = std::as_bytes(std::span(data, header->caplen));
    frame_.original_size = header->len;
    return &frame_;
}

void CaptureFile::explain_open_failure(const std::string& libpcap_text) {
    const std::string_view start = input_->start();
    if (input_->error() != 0) {
        fail(CaptureError::Cause::cannot_read, "cannot be read: " + system_text(input_->error()));
        return;
    }
    if (start.empty()) {
        fail(CaptureError::Cause::not_a_capture, "is empty");
        return;
    }
    for (const KnownFormat& format : kKnownFormats) {
        if (start.substr(0, format.start.size()) != format.start) continue;
        fail(CaptureError::Cause::not_a_capture, "is " + std::string(format.name) + "; " + std::string(format.advice));
        return;
    }
    // In the order of the octets in the file: micro- and nanoseconds in both byte orders, and pcapng.
    constexpr std::array<std::string_view, 5> kStarts{"\xA1\xB2\xC3\xD4"sv, "\xD4\xC3\xB2\xA1"sv, "\xA1\xB2\x3C\x4D"sv,
                                                      "\x4D\x3C\xB2\xA1"sv, "\x0A\x0D\x0D\x0A"sv};
    const bool is_capture = std::any_of(kStarts.begin(), kStarts.end(), [start](std::string_view known) {
        const std::size_t size = std::min(start.size(), known.size());
        return start.substr(0, size) == known.substr(0, size);
    });
    const std::string at = std::to_string(input_->octets_read());
    if (!is_capture) {
        fail(CaptureError::Cause::not_a_capture, "is not a capture: neither pcap nor pcapng");
    } else if (libpcap_text.find("truncated") != std::string::npos) {
        fail(CaptureError::Cause::cut_off, "is cut off in its file header, at byte " + at);
    } else {
        fail(CaptureError::Cause::damaged, "has a file header that cannot be read (libpcap: " + libpcap_text + ")");
    }
}

void CaptureFile::explain_read_failure(const std::string& libpcap_text) {
    const std::string after = " after " + counted_packets(frames_);
    std::FILE* stream = ::pcap_file(pcap_.get());
    if (std::ferror(stream) != 0) {
        fail(CaptureError::Cause::cannot_read, "cannot be read further" + after + ": " + system_text(input_->error()));
    } else if (std::feof(stream) != 0) {
        // Whatever libpcap says: it asked for more than there is, and no whole record asks for that.
        fail(CaptureError::Cause::cut_off,
             "is cut off" + after + ": it ends at byte " + std::to_string(input_->octets_read()) + ", inside a record");
    } else if (libpcap_text.find("an interface has a type") != std::string::npos) {
        fail(CaptureError::Cause::mixed_interfaces,
             "holds interfaces of different link types, which libpcap does not read together; stopped" + after +
                 "; keep one interface with tshark -r IN -Y frame.interface_id==0 -F pcap -w OUT");
    } else if (libpcap_text.find("an interface has a snapshot length") != std::string::npos) {
        fail(CaptureError::Cause::mixed_interfaces,
             "holds interfaces of different snap lengths, which libpcap does not read together; stopped" + after +
                 "; convert it with editcap -F pcap IN OUT");
    } else {
        fail(CaptureError::Cause::damaged, "is damaged" + after + ", near byte " + std::to_string(::ftello(stream)) +
                                               " (libpcap: " + libpcap_text + ")");
    }
}

void CaptureFile::fail(CaptureError::Cause cause, const std::string& text) {
    error_ = CaptureError{cause, name_ + " " + text};
}

}  // namespace messenger::daemon
