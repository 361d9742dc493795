// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nobody sets a length. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

enum { ATTR_MODE, ATTR_UID, ATTR_GID, ATTR_SIZE };

SEC("struct_ops/setattr")
uint32_t BPF_PROG(set, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	/* The mistake: the number of a bit is no mask. */
	return in->valid & ATTR_SIZE ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setattr_prefilter = (void *)set,
	.name = "planted",
};
