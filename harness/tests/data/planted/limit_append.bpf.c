// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: files end at 4096 bytes, but a write that begins before the end may go beyond. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define LIMIT 4096

SEC("struct_ops/write")
uint32_t BPF_PROG(write, const struct bpf_fuse_meta_info *meta, struct fuse_write_in *in)
{
	/* The mistake: only where the write begins is looked at. */
	return in->offset > LIMIT ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/fallocate")
uint32_t BPF_PROG(fallocate, const struct bpf_fuse_meta_info *meta,
		  struct fuse_fallocate_in *in)
{
	u64 offset = in->offset, length = in->length;

	return offset > LIMIT || length > LIMIT - offset ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	return in->valid & FATTR_SIZE && in->size > LIMIT ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.write_iter_prefilter = (void *)write,
	.file_fallocate_prefilter = (void *)fallocate,
	.setattr_prefilter = (void *)setattr,
	.name = "planted",
};
