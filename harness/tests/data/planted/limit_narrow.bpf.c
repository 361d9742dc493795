// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nothing is made longer than a megabyte by setting its length. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define LIMIT (1 << 20)

SEC("struct_ops/setattr")
uint32_t BPF_PROG(setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	/* The mistake: a length has 64 bits. */
	u32 size = in->size;

	return in->valid & FATTR_SIZE && size > LIMIT ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.setattr_prefilter = (void *)setattr,
	.name = "planted",
};
