// SPDX-License-Identifier: GPL-2.0-or-later
// For runs under valgrind, which knows no seccomp(2) and makes system calls of its own: preloaded, it has the daemon go
// on without its filter of system calls. Everything else is as always.
#include <seccomp.h>

int seccomp_load(scmp_filter_ctx filter) {
    (void)filter;
    return 0;
}

int seccomp_attr_set(scmp_filter_ctx filter, enum scmp_filter_attr attribute, uint32_t value) {
    (void)filter, (void)attribute, (void)value;
    return 0;
}

int seccomp_rule_add(scmp_filter_ctx filter, uint32_t action, int call, unsigned int count, ...) {
    (void)filter, (void)action, (void)call, (void)count;
    return 0;
}

int seccomp_rule_add_array(scmp_filter_ctx filter, uint32_t action, int call, unsigned int count,
                           const struct scmp_arg_cmp *conditions) {
    (void)filter, (void)action, (void)call, (void)count, (void)conditions;
    return 0;
}
