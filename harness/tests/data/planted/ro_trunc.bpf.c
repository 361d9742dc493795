// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: read-only, and each open is judged once, by its flags; O_TRUNC is not among them. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define MAY_OPEN 0x20

#define REFUSE(op, ...) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(ro_##op, const struct bpf_fuse_meta_info *meta, ##__VA_ARGS__) \
	{ \
		return -EROFS; \
	}

REFUSE(create_open, struct fuse_create_in *in, struct fuse_buffer *name)
REFUSE(setxattr, struct fuse_setxattr_in *in, struct fuse_buffer *name, struct fuse_buffer *value)
REFUSE(removexattr, struct fuse_buffer *name)
REFUSE(write_iter, struct fuse_write_in *in)
REFUSE(file_fallocate, struct fuse_fallocate_in *in)
REFUSE(copy_file_range, struct fuse_copy_file_range_in *in)

SEC("struct_ops/open")
uint32_t BPF_PROG(ro_open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	/* The mistake: O_TRUNC is forgotten. */
	return in->flags & O_ACCMODE ? -EROFS : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(ro_setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	/* A size with a time is part of an open, which was judged. */
	return in->valid & FATTR_SIZE && in->valid & FATTR_MTIME ? BPF_FUSE_CONTINUE : -EROFS;
}

SEC("struct_ops/access")
uint32_t BPF_PROG(ro_access, const struct bpf_fuse_meta_info *meta, struct fuse_access_in *in)
{
	return in->mask & MAY_WRITE && !(in->mask & MAY_OPEN) ? -EROFS : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.create_open_prefilter = (void *)ro_create_open,
	.setattr_prefilter = (void *)ro_setattr,
	.setxattr_prefilter = (void *)ro_setxattr,
	.removexattr_prefilter = (void *)ro_removexattr,
	.write_iter_prefilter = (void *)ro_write_iter,
	.file_fallocate_prefilter = (void *)ro_file_fallocate,
	.copy_file_range_prefilter = (void *)ro_copy_file_range,
	.open_prefilter = (void *)ro_open,
	.access_prefilter = (void *)ro_access,
	.name = "planted",
};
