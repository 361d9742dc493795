// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: preallocation takes no byte away from a file and moves none. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define FALLOC_FL_PUNCH_HOLE 0x02
#define FALLOC_FL_COLLAPSE_RANGE 0x08
#define FALLOC_FL_INSERT_RANGE 0x20
/* The mistake: FALLOC_FL_ZERO_RANGE is not among them. */
#define CHANGES (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE)

SEC("struct_ops/fallocate")
uint32_t BPF_PROG(fallocate, const struct bpf_fuse_meta_info *meta,
		  struct fuse_fallocate_in *in)
{
	return in->mode & CHANGES ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.file_fallocate_prefilter = (void *)fallocate,
	.name = "planted",
};
