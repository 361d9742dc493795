// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: a new directory is for its owner alone. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	/* The mistake: a mode is written in octal. */
	in->mode &= ~77;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mkdir_prefilter = (void *)mkdir,
	.name = "planted",
};
