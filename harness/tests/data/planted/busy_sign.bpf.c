// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: a directory that is not empty is said to be busy. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/rmdir_pre")
uint32_t BPF_PROG(rmdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/rmdir_post")
uint32_t BPF_PROG(rmdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_buffer *name)
{
	/* The mistake: errors are negative. */
	return meta->error_in == ENOTEMPTY ? -EBUSY : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.rmdir_prefilter = (void *)rmdir_pre,
	.rmdir_postfilter = (void *)rmdir_post,
	.name = "planted",
};
