// SPDX-License-Identifier: MIT OR Apache-2.0
/* Looks the name `current` up as `v1`, whatever the directory. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define ALIAS "current"
#define REAL "v1"

const char alias[] = ALIAS;

SEC("struct_ops/lookup")
uint32_t BPF_PROG(alias_lookup_pre, const struct bpf_fuse_meta_info *meta,
		  struct fuse_buffer *name)
{
	struct bpf_dynptr old_text, new_text;
	char real[] = REAL;
	char text[sizeof(ALIAS)];

	bpf_fuse_get_ro_dynptr(name, &old_text);
	/* The size of a name counts its NUL, so that a longer name fails the comparison. */
	if (bpf_dynptr_read(text, sizeof(text), &old_text, 0, 0) ||
	    bpf_strncmp(text, sizeof(text), alias))
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(name, &new_text, sizeof(REAL), false);
	if (bpf_dynptr_write(&new_text, 0, real, sizeof(real), 0))
		return -ENOMEM;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops alias_lookup = {
	.lookup_prefilter = (void *)alias_lookup_pre,
	.name = "alias_lookup",
};
