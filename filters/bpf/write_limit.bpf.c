// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * Files end at 1 MiB: a write that would go beyond fails with EFBIG, as does making a file longer.
 * A filter cannot shorten a write, because kernels ignore what it does to in->size (READ-3), and
 * it is not told where an append lands, so no file can be opened for appending, nor how long a file
 * is, so that nothing is put in between (EOPNOTSUPP). The length of a copy between files is often
 * far above what there is to copy: copies are refused with EINVAL, upon which programs read and
 * write.
 */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* Puts a hole in between, so that what is behind it moves on. */
#define FALLOC_FL_INSERT_RANGE 0x20

const volatile u64 limit = 1 << 20;

SEC("struct_ops/open")
uint32_t BPF_PROG(limit_open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return in->flags & O_APPEND ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(limit_create_open, const struct bpf_fuse_meta_info *meta,
		  struct fuse_create_in *in, struct fuse_buffer *name)
{
	return in->flags & O_APPEND ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/write")
uint32_t BPF_PROG(limit_write, const struct bpf_fuse_meta_info *meta, struct fuse_write_in *in)
{
	u64 offset = in->offset, size = in->size;

	return offset > limit || size > limit - offset ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/copy_file_range")
uint32_t BPF_PROG(limit_copy, const struct bpf_fuse_meta_info *meta,
		  struct fuse_copy_file_range_in *in)
{
	return -EINVAL;
}

SEC("struct_ops/fallocate")
uint32_t BPF_PROG(limit_fallocate, const struct bpf_fuse_meta_info *meta,
		  struct fuse_fallocate_in *in)
{
	u64 offset = in->offset, length = in->length;

	if (in->mode & FALLOC_FL_INSERT_RANGE)
		return -EOPNOTSUPP;
	return offset > limit || length > limit - offset ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(limit_setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	return in->valid & FATTR_SIZE && in->size > limit ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops write_limit = {
	.open_prefilter = (void *)limit_open,
	.create_open_prefilter = (void *)limit_create_open,
	.write_iter_prefilter = (void *)limit_write,
	.copy_file_range_prefilter = (void *)limit_copy,
	.file_fallocate_prefilter = (void *)limit_fallocate,
	.setattr_prefilter = (void *)limit_setattr,
	.name = "write_limit",
};
