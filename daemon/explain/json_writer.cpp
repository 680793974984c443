// SPDX-License-Identifier: GPL-2.0-or-later
#include "daemon/explain/json_writer.h"

#include "daemon/explain/wire_text.h"

namespace messenger::daemon {

namespace {

[[nodiscard]] rapidjson::SizeType size_of(std::string_view text) {
    return static_cast<rapidjson::SizeType>(text.size());
}

}  // namespace

void JsonWriter::begin() {
    writer_.Reset(sink_);
    writer_.StartObject();
}

void JsonWriter::end() {
    writer_.EndObject();
    sink_.out->push_back('\n');
}

void JsonWriter::key(std::string_view name) {
    writer_.Key(name.data(), size_of(name));
}

void JsonWriter::text(std::string_view name, std::string_view bytes) {
    key(name);
    value(bytes);
}

void JsonWriter::value(std::string_view bytes) {
    const std::string_view valid = repair_utf8(bytes, repaired_);
    writer_.String(valid.data() == nullptr ? "" : valid.data(), size_of(valid));
}

void JsonWriter::begin_list(std::string_view name) {
    key(name);
    writer_.StartArray();
}

void JsonWriter::list_entry(std::string_view bytes) {
    value(bytes);
}

void JsonWriter::end_list() {
    writer_.EndArray();
}

void JsonWriter::number(std::string_view name, std::uint64_t value) {
    key(name);
    writer_.Uint64(value);
}

void JsonWriter::raw_number(std::string_view name, std::string_view value) {
    key(name);
    writer_.RawValue(value.data(), value.size(), rapidjson::kNumberType);
}

void JsonWriter::flag(std::string_view name) {
    key(name);
    writer_.Bool(true);
}

}  // namespace messenger::daemon
