// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: files end at 4096 bytes; the mistake is that nobody looks at copies. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define LIMIT 4096
#define FALLOC_FL_INSERT_RANGE 0x20

static u32 verdict(u64 offset, u64 length)
{
	return offset > LIMIT || length > LIMIT - offset ? -EFBIG : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/open")
uint32_t BPF_PROG(open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return in->flags & O_APPEND ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(create, const struct bpf_fuse_meta_info *meta, struct fuse_create_in *in,
		  struct fuse_buffer *name)
{
	return in->flags & O_APPEND ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/write")
uint32_t BPF_PROG(write, const struct bpf_fuse_meta_info *meta, struct fuse_write_in *in)
{
	return verdict(in->offset, in->size);
}

SEC("struct_ops/fallocate")
uint32_t BPF_PROG(fallocate, const struct bpf_fuse_meta_info *meta,
		  struct fuse_fallocate_in *in)
{
	/* How long the file is into which it is inserted is not known. */
	if (in->mode & FALLOC_FL_INSERT_RANGE)
		return -EOPNOTSUPP;
	return verdict(in->offset, in->length);
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	return in->valid & FATTR_SIZE ? verdict(in->size, 0) : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.open_prefilter = (void *)open,
	.create_open_prefilter = (void *)create,
	.write_iter_prefilter = (void *)write,
	.file_fallocate_prefilter = (void *)fallocate,
	.setattr_prefilter = (void *)setattr,
	.name = "planted",
};
