// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: shows half of the space. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/statfs_pre")
uint32_t BPF_PROG(statfs_pre, const struct bpf_fuse_meta_info *meta)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/statfs_post")
uint32_t BPF_PROG(statfs_post, const struct bpf_fuse_meta_info *meta,
		  struct fuse_statfs_out *out)
{
	out->st.blocks /= 2;
	out->st.bfree /= 2;
	/* The mistake: what ordinary users may use is left as it is. */
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.statfs_prefilter = (void *)statfs_pre,
	.statfs_postfilter = (void *)statfs_post,
	.name = "planted",
};
