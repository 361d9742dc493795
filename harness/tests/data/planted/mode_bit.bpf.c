// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: only regular files are made by mknod. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/mknod")
uint32_t BPF_PROG(node, const struct bpf_fuse_meta_info *meta, struct fuse_mknod_in *in,
		  struct fuse_buffer *name)
{
	/* The mistake: a type is a number, and sockets have this bit as well. */
	return in->mode & S_IFREG ? BPF_FUSE_CONTINUE : -EPERM;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mknod_prefilter = (void *)node,
	.name = "planted",
};
