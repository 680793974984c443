# SPDX-License-Identifier: GPL-2.0-or-later
# The KEYS of messenger-alg.toml(5), from the default file: that one has every key with its meaning, and a test sees to it.
# There, "# words" explains, "#key = value" is a setting, and a list goes on in lines of "#    ".
function text(words) {
    gsub(/\\/, "\\e", words)
    gsub(/-/, "\\-", words)
    gsub(/"/, "\\(dq", words)
    return words
}
/^\[/ {
    # What stands before the first section is about the file.
    words = ""
    in_section = 1
    print ".SS " text($0)
    next
}
!in_section { next }
/^$/ {
    # Words without a setting are about the section.
    if (words != "") print text(words)
    words = ""
    next
}
/^#    / {
    sub(/^# +/, "")
    list = list " " $0
    next
}
/^# / {
    words = words (words == "" ? "" : " ") substr($0, 3)
    next
}
/^#[a-z_]+ = / {
    key = $1
    sub(/^#/, "", key)
    value = $0
    sub(/^#[a-z_]+ = /, "", value)
    list = ""
    if (value == "[") {
        print ".TP\n.BR " key " \" = [...]\"\n" text(words) " The default is"
    } else {
        print ".TP\n.BR " key " \" = " text(value) "\"\n" text(words)
    }
    words = ""
    next
}
/^#\]/ {
    print text(substr(list, 2)) "."
    next
}
{
    print "describe-keys: not understood: " $0 >"/dev/stderr"
    exit 1
}
