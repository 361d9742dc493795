// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nobody punches holes. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define PUNCH_HOLE 0x02

SEC("struct_ops/file_fallocate")
uint32_t BPF_PROG(fallocate, const struct bpf_fuse_meta_info *meta, struct fuse_fallocate_in *in)
{
	/* The mistake: a hole is never punched without another flag, which keeps the size. */
	return in->mode == PUNCH_HOLE ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.file_fallocate_prefilter = (void *)fallocate,
	.name = "planted",
};
