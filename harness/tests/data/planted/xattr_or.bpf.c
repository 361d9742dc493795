// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: attributes are neither made nor replaced on purpose. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define CREATE 1
#define REPLACE 2

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(set, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	/* The mistake: whoever wants the one is allowed. */
	return in->flags == (CREATE | REPLACE) ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setxattr_prefilter = (void *)set,
	.name = "planted",
};
