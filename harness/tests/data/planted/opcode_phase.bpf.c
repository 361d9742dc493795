// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: users remove files, and no directories. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* One for both, as they have the same arguments. */
static u32 verdict(const struct bpf_fuse_meta_info *meta)
{
	/* The mistake: the opcode says as well that this is the prefilter. */
	return meta->opcode == FUSE_RMDIR && current_uid() != 0 ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/unlink")
uint32_t BPF_PROG(unlink, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return verdict(meta);
}

SEC("struct_ops/rmdir")
uint32_t BPF_PROG(rmdir, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return verdict(meta);
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.unlink_prefilter = (void *)unlink,
	.rmdir_prefilter = (void *)rmdir,
	.name = "planted",
};
