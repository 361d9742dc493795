// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: values of attributes have eight bytes at most. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define VALUE_MAX 8

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(set, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	/* The mistake: eight are not too many. */
	return in->size < VALUE_MAX ? BPF_FUSE_CONTINUE : -E2BIG;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setxattr_prefilter = (void *)set,
	.name = "planted",
};
