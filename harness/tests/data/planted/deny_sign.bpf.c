// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: refuses to remove anything, with a number that is no error. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/unlink")
uint32_t BPF_PROG(unlink, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	/* The mistake: the minus is missing. */
	return EPERM;
}

SEC("struct_ops/rmdir")
uint32_t BPF_PROG(rmdir, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	return -EPERM;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.unlink_prefilter = (void *)unlink,
	.rmdir_prefilter = (void *)rmdir,
	.name = "planted",
};
