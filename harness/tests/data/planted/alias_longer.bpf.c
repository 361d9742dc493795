// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: whoever looks .secret up finds notes.txt. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define ALIAS ".secret"
#define REAL "notes.txt"

SEC("struct_ops/lookup")
uint32_t BPF_PROG(lookup, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	struct bpf_dynptr old_text, new_text;
	char text[sizeof(ALIAS)], real[] = REAL;

	bpf_fuse_get_ro_dynptr(name, &old_text);
	if (bpf_dynptr_read(text, sizeof(text), &old_text, 0, 0) ||
	    __builtin_memcmp(text, ALIAS, sizeof(text)))
		return BPF_FUSE_CONTINUE;
	/* The mistake: a request that keeps the bytes keeps the size as well. */
	bpf_fuse_get_rw_dynptr(name, &new_text, sizeof(real), true);
	bpf_dynptr_write(&new_text, 0, real, sizeof(real), 0);
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.lookup_prefilter = (void *)lookup,
	.name = "planted",
};
