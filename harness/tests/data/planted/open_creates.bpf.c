// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: nobody makes a file by opening it. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#ifndef O_CREAT
#define O_CREAT 0100
#endif

SEC("struct_ops/open")
uint32_t BPF_PROG(open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	/* The mistake: a file is made by another call, and no open has this flag. */
	return in->flags & O_CREAT ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.open_prefilter = (void *)open,
	.name = "planted",
};
