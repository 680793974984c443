// SPDX-License-Identifier: GPL-2.0-or-later
#include "nft/transaction.h"

namespace messenger::nft {
namespace {

std::string element_command(std::string_view verb, const Operation& operation, bool with_options) {
    const Element& element = operation.element;
    std::string text(verb);
    text += " element inet ";
    text += kTable;
    text += ' ';
    text += spec_of(operation.set).name;
    text += " { ";
    text += element.key.to_string(operation.set);
    if (with_options && element.timeout.count() > 0) text += " timeout " + format_timeout(element.timeout);
    if (with_options && !element.comment.empty()) {
        text += " comment \"";
        text += element.comment.text();
        text += '"';
    }
    if (with_options && element.target) {
        text += " : " + element.target->address.to_string() + " . " + std::to_string(element.target->port);
    }
    text += " }";
    return text;
}

}  // namespace

std::string to_nft(const Operation& operation) {
    switch (operation.verb) {
        case Verb::add:
        case Verb::offer: return element_command("add", operation, true);
        case Verb::create: return element_command("create", operation, true);
        case Verb::remove: return element_command("delete", operation, false);
        // What any nft(8) can do; a later add leaves one that is there alone.
        case Verb::discard:
            return element_command("add", operation, false) + "\n" + element_command("delete", operation, false);
        case Verb::refresh:
            return element_command("delete", operation, false) + "\n" + element_command("add", operation, true);
        case Verb::flush:
            return (spec_of(operation.set).is_map() ? "flush map inet " : "flush set inet ") + std::string(kTable) +
                   " " + std::string(spec_of(operation.set).name);
    }
    return {};
}

std::string Transaction::to_nft() const {
    std::string text;
    for (const Operation& operation : operations_) text += nft::to_nft(operation) + "\n";
    return text;
}

}  // namespace messenger::nft
