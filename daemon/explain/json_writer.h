// SPDX-License-Identifier: GPL-2.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <rapidjson/writer.h>

namespace messenger::daemon {

/// Objects as JSON lines, with RapidJSON's streaming writer, into a string that somebody else empties. Text may be any
/// bytes: what is no UTF-8 becomes U+FFFD, one for each byte.
class JsonWriter {
   public:
    /// out: borrowed; outlives this object.
    explicit JsonWriter(std::string& out) : sink_{&out}, writer_(sink_) {}

    void begin();  ///< of an object
    void end();    ///< of the object, and of the line
    void text(std::string_view name, std::string_view bytes);
    void number(std::string_view name, std::uint64_t value);
    /// value: a JSON number as text.
    void raw_number(std::string_view name, std::string_view value);
    void flag(std::string_view name);  ///< true
    void begin_list(std::string_view name);
    void list_entry(std::string_view bytes);
    void end_list();

   private:
    /// RapidJSON's output stream concept.
    struct Sink {
        using Ch = char;
        std::string* out;
        void Put(char c) const { out->push_back(c); }  // NOLINT(readability-identifier-naming): RapidJSON's name
        void Flush() const {}                          // NOLINT(readability-identifier-naming): RapidJSON's name
    };
    void key(std::string_view name);
    void value(std::string_view bytes);

    Sink sink_;
    rapidjson::Writer<Sink> writer_;
    std::string repaired_;  ///< kept for its memory
};

}  // namespace messenger::daemon
