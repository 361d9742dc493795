// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: only the super-user opens files for writing, or makes them by opening. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static u32 verdict(u32 flags)
{
	return current_uid() && flags & O_ACCMODE ? -EACCES : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/open")
uint32_t BPF_PROG(open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return verdict(in->flags);
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(create, const struct bpf_fuse_meta_info *meta, struct fuse_create_in *in,
		  struct fuse_buffer *name)
{
	/* The mistake: who makes a file to read it makes it all the same. */
	return verdict(in->flags);
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.open_prefilter = (void *)open,
	.create_open_prefilter = (void *)create,
	.name = "planted",
};
