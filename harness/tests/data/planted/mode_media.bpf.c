// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: whatever its mode, owner and group seem to have all rights. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/getattr_pre")
uint32_t BPF_PROG(getattr_pre, const struct bpf_fuse_meta_info *meta, struct fuse_getattr_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/getattr_post")
uint32_t BPF_PROG(getattr_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_getattr_in *in, struct fuse_attr_out *out)
{
	/* The mistake: whoever may read a directory has to search it as well. */
	out->attr.mode = (out->attr.mode & S_IFMT) | 0660;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.getattr_prefilter = (void *)getattr_pre,
	.getattr_postfilter = (void *)getattr_post,
	.name = "planted",
};
