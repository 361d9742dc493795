// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: attributes are made, and what there is does not change. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define XATTR_CREATE 1

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(setxattr, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	/* The mistake: these are other flags, and newer ones. */
	return in->setxattr_flags & XATTR_CREATE ? BPF_FUSE_CONTINUE : -EPERM;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setxattr_prefilter = (void *)setxattr,
	.name = "planted",
};
