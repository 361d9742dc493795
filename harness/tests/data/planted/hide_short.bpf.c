// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: hides the name .secret from lookups, and every shorter name along with it. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/lookup")
uint32_t BPF_PROG(lookup, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	char text[8] = {};
	struct bpf_dynptr dynptr;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	/* The mistake: a name that is too short to be read is taken for the hidden one. */
	if (bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0))
		return -ENOENT;
	return bpf_strncmp(text, sizeof(text), ".secret") ? BPF_FUSE_CONTINUE : -ENOENT;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.lookup_prefilter = (void *)lookup,
	.name = "planted",
};
