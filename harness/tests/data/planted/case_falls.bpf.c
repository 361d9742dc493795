// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: no sockets are made by mknod, and nothing that runs. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/mknod")
uint32_t BPF_PROG(node, const struct bpf_fuse_meta_info *meta, struct fuse_mknod_in *in,
		  struct fuse_buffer *name)
{
	u32 verdict = BPF_FUSE_CONTINUE;

	switch (in->mode & S_IFMT) {
	case S_IFREG:
		in->mode &= ~0111;
		break;
	case S_IFIFO:
		in->mode &= ~0111;
		/* The mistake: what is done for the next kind is done for this one as well. */
	case S_IFSOCK:
		verdict = -EPERM;
	}
	return verdict;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.mknod_prefilter = (void *)node,
	.name = "planted",
};
