// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: only users of the system remove directories. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define FIRST_USER 1000

SEC("struct_ops/rmdir")
uint32_t BPF_PROG(remove, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	/* The mistake: the first user is none of the system. */
	return current_uid() > FIRST_USER ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.rmdir_prefilter = (void *)remove,
	.name = "planted",
};
