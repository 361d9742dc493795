// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nothing called .secret is removed. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define GUARDED ".secret"

static bool is_guarded(struct fuse_buffer *name)
{
	char text[sizeof(GUARDED)] = {};
	struct bpf_dynptr dynptr;
	int i;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	if (bpf_dynptr_size(&dynptr) != sizeof(GUARDED) ||
	    bpf_dynptr_read(text, sizeof(text), &dynptr, 0, 0))
		return false;
	/* The mistake: the last letter is not compared. */
	for (i = 0; i < (int)sizeof(GUARDED) - 2; i++)
		if (text[i] != GUARDED[i])
			return false;
	return true;
}

SEC("struct_ops/unlink")
uint32_t BPF_PROG(unlink, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/rmdir")
uint32_t BPF_PROG(rmdir, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return is_guarded(name) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.unlink_prefilter = (void *)unlink,
	.rmdir_prefilter = (void *)rmdir,
	.name = "planted",
};
