// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/journal/event_buffer.h"

#include <algorithm>
#include <cassert>
#include <concepts>
#include <cstring>
#include <type_traits>
#include <variant>
#include <vector>

#include "alg/nat/edit_list.h"

namespace messenger::daemon {

namespace {

constexpr std::size_t kLongestText = 160;
// Of the lines that were changed in one message; what is more is left out.
constexpr std::size_t kChangedBytes = 1024;
constexpr std::size_t kChanges = 32;

class Packer {
   public:
    explicit Packer(std::string& bytes) : bytes_(bytes) {}

    template <class T>
    void value(const T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        const std::size_t at = bytes_.size();
        bytes_.resize(at + sizeof value);
        std::memcpy(bytes_.data() + at, &value, sizeof value);
    }
    void text(std::string_view text) {
        text = text.substr(0, kLongestText);
        value(static_cast<std::uint8_t>(text.size()));
        bytes_ += text;
    }
    /// At most kChangedBytes.
    void long_text(std::string_view text) {
        value(static_cast<std::uint16_t>(text.size()));
        bytes_ += text;
    }

   private:
    std::string& bytes_;
};

/// What Packer wrote; there is no other input.
class Unpacker {
   public:
    explicit Unpacker(std::string_view bytes) : bytes_(bytes) {}

    [[nodiscard]] bool at_end() const { return bytes_.empty(); }
    template <class T>
    void value(T& value) {
        static_assert(std::is_trivially_copyable_v<T>);
        assert(bytes_.size() >= sizeof value);
        std::memcpy(&value, bytes_.data(), sizeof value);
        bytes_.remove_prefix(sizeof value);
    }
    void text(std::string_view& text) { take<std::uint8_t>(text); }
    void long_text(std::string_view& text) { take<std::uint16_t>(text); }

   private:
    template <class Size>
    void take(std::string_view& text) {
        Size size = 0;
        value(size);
        assert(bytes_.size() >= size);
        text = bytes_.substr(0, size);
        bytes_.remove_prefix(size);
    }

    std::string_view bytes_;
};

// The fields of each event, once for both ways: the event is const for the Packer. An event without fields belongs to
// no call, and is not kept.

template <class Given, class Event>
concept Some = std::same_as<std::remove_const_t<Given>, Event>;

void fields(auto& direction, Some<alg::MessageEvent> auto& event) {
    direction.value(event.tuple);
    direction.value(event.request);
    direction.value(event.status);
    direction.text(event.method);
    direction.text(event.request_uri);
    direction.text(event.reason);
}

void fields(auto& direction, Some<alg::MediaEvent> auto& event) {
    direction.value(event.tuple);
    direction.value(event.answer);
    direction.value(event.kind);
    direction.value(event.direction);
    direction.value(event.port);
    direction.text(event.media);
    direction.text(event.protocol);
    direction.text(event.address);
}

void fields(auto& direction, Some<alg::SessionEvent> auto& event) {
    direction.value(event.kind);
    direction.value(event.tuple);
    direction.text(event.what);
}

void fields(auto& direction, Some<alg::OpenEvent> auto& event) {
    direction.value(event.key);
    direction.value(event.purpose);
    direction.value(event.timeout);
    direction.value(event.remote_is_private);
}

void fields(auto& direction, Some<alg::CloseEvent> auto& event) {
    direction.value(event.key);
    direction.value(event.purpose);
    direction.value(event.reason);
}

void fields(auto& direction, Some<alg::RefuseEvent> auto& event) {
    direction.value(event.reason);
    direction.value(event.error);
    direction.value(event.tuple);
    direction.value(event.announced);
    direction.value(event.port);
    direction.value(event.allowed);
    direction.text(event.user);
}

void fields(auto& direction, Some<alg::EditEvent> auto& event) {
    direction.value(event.tuple);
}

template <class Event>
concept Kept = requires(Packer& packer, const Event& event) {
    fields(packer, event);
};

/// The lines around an edit, and all edits that are on them.
struct EditedLines {
    std::size_t begin = 0;
    std::size_t end = 0;
    std::size_t edits_end = 0;  ///< the number after that of its last edit
    std::size_t bytes = 0;      ///< of the lines and what is put into them
};

[[nodiscard]] EditedLines lines_at(const alg::EditList& edits, std::size_t first) {
    const std::string_view text = edits.text();
    EditedLines lines;
    lines.begin = text.substr(0, edits[first].at).rfind('\n') + 1;  // npos + 1 is 0
    for (lines.edits_end = first; lines.edits_end < edits.size(); ++lines.edits_end) {
        const alg::EditList::Edit edit = edits[lines.edits_end];
        if (lines.end != 0 && edit.at >= lines.end) break;
        const std::size_t line_end = text.find('\n', std::size_t{edit.at} + edit.length);
        lines.end = line_end == std::string_view::npos ? text.size() : line_end + 1;
        lines.bytes += edit.replacement.size();
    }
    lines.bytes += lines.end - lines.begin;
    return lines;
}

/// The lines that change, one piece after the other, and the edits as they are in each.
void pack_edits(Packer& packer, const alg::EditList& edits) {
    std::size_t room = kChangedBytes;
    for (std::size_t first = 0; first < edits.size();) {
        const EditedLines lines = lines_at(edits, first);
        if (lines.bytes > room || lines.edits_end > kChanges) break;
        room -= lines.bytes;
        packer.value(static_cast<std::uint8_t>(lines.edits_end - first));
        packer.long_text(edits.text().substr(lines.begin, lines.end - lines.begin));
        for (; first < lines.edits_end; ++first) {
            packer.value(static_cast<std::uint16_t>(edits[first].at - lines.begin));
            packer.value(static_cast<std::uint16_t>(edits[first].length));
            packer.long_text(edits[first].replacement);
        }
    }
    packer.value(std::uint8_t{0});
}

/// The same edits, of a text that has only the lines that change.
class EditsRead {
   public:
    [[nodiscard]] const alg::EditList* read(Unpacker& unpacker) {
        text_.clear();
        found_.clear();
        std::uint8_t count = 0;
        for (unpacker.value(count); count != 0; unpacker.value(count)) {
            std::string_view lines;
            unpacker.long_text(lines);
            for (; count != 0; --count) {
                Found& found = found_.emplace_back();
                std::uint16_t at = 0;
                unpacker.value(at);
                unpacker.value(found.length);
                unpacker.long_text(found.replacement);
                found.at = text_.size() + at;
            }
            text_ += lines;
        }
        edits_.begin(text_);
        for (const Found& found : found_) {
            edits_.replace(std::string_view(text_).substr(found.at, found.length), found.replacement);
        }
        return &edits_;
    }

   private:
    struct Found {
        std::size_t at = 0;
        std::uint16_t length = 0;
        std::string_view replacement;
    };
    std::string text_;
    std::vector<Found> found_;
    alg::EditList edits_;
};

struct Append {
    Packer packer;
    alg::TimePoint at;
    std::uint8_t tag;  ///< which of the variant it is; lives in memory only

    template <class Event>
    void operator()(const Event& event) {
        if constexpr (Kept<Event>) {
            packer.value(tag);
            packer.value(at);
            fields(packer, event);
            if constexpr (std::same_as<Event, alg::EditEvent>) pack_edits(packer, *event.edits);
        }
    }
};

class Replayed {
   public:
    Replayed(Unpacker& unpacker, const EventBuffer::Names& names) : unpacker_(unpacker), names_(names) {}

    [[nodiscard]] alg::Event take(std::size_t tag) { return take_as<0>(tag); }

   private:
    template <std::size_t number>
    [[nodiscard]] alg::Event take_as(std::size_t tag) {
        using Event = std::variant_alternative_t<number, alg::Event>;
        if constexpr (number + 1 < std::variant_size_v<alg::Event>) {
            if (tag != number) return take_as<number + 1>(tag);
        }
        Event event;
        if constexpr (Kept<Event>) {
            fields(unpacker_, event);
            event.call_id = names_.call_id;
        }
        if constexpr (std::same_as<Event, alg::MessageEvent>) {
            event.from = names_.from;
            event.to = names_.to;
        }
        if constexpr (std::same_as<Event, alg::EditEvent>) event.edits = edits_.read(unpacker_);
        return event;
    }

    Unpacker& unpacker_;
    const EventBuffer::Names& names_;
    EditsRead edits_;
};

/// What tells and decides nothing: the first to be left out.
template <class... Events>
[[nodiscard]] bool is_one_of(const alg::Event& event) {
    return (std::holds_alternative<Events>(event) || ...);
}

}  // namespace

void EventBuffer::append(const alg::Event& event, alg::TimePoint at, std::size_t limit) {
    const bool told = is_one_of<alg::MessageEvent, alg::MediaEvent, alg::EditEvent>(event);
    if (bytes_.size() >= (told ? limit : 2 * limit)) {
        ++left_out_;
        return;
    }
    std::visit(Append{Packer(bytes_), at, static_cast<std::uint8_t>(event.index())}, event);
}

void EventBuffer::replay(const Names& names, const Visitor& visit) const {
    Unpacker unpacker(bytes_);
    Replayed events(unpacker, names);
    while (!unpacker.at_end()) {
        std::uint8_t tag = 0;
        alg::TimePoint at;
        unpacker.value(tag);
        unpacker.value(at);
        visit(at, events.take(tag));
    }
}

}  // namespace messenger::daemon
