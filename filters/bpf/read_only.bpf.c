// SPDX-License-Identifier: MIT OR Apache-2.0
/* Refuses every change below the directory that it is set for with EROFS. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define REFUSE(op, ...) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(ro_##op, const struct bpf_fuse_meta_info *meta, ##__VA_ARGS__) \
	{ \
		return -EROFS; \
	}

REFUSE(create_open, struct fuse_create_in *in, struct fuse_buffer *name)
REFUSE(mknod, struct fuse_mknod_in *in, struct fuse_buffer *name)
REFUSE(mkdir, struct fuse_mkdir_in *in, struct fuse_buffer *name)
REFUSE(symlink, struct fuse_buffer *name, struct fuse_buffer *path)
REFUSE(link, struct fuse_link_in *in, struct fuse_buffer *name)
REFUSE(rename, struct fuse_rename_in *in, struct fuse_buffer *old_name, struct fuse_buffer *new_name)
REFUSE(rename2, struct fuse_rename2_in *in, struct fuse_buffer *old_name,
       struct fuse_buffer *new_name)
REFUSE(unlink, struct fuse_buffer *name)
REFUSE(rmdir, struct fuse_buffer *name)
REFUSE(setattr, struct fuse_setattr_in *in)
REFUSE(setxattr, struct fuse_setxattr_in *in, struct fuse_buffer *name, struct fuse_buffer *value)
REFUSE(removexattr, struct fuse_buffer *name)
REFUSE(write_iter, struct fuse_write_in *in)
REFUSE(file_fallocate, struct fuse_fallocate_in *in)
REFUSE(copy_file_range, struct fuse_copy_file_range_in *in)

SEC("struct_ops/open")
uint32_t BPF_PROG(ro_open, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return in->flags & (O_ACCMODE | O_TRUNC) ? -EROFS : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/access")
uint32_t BPF_PROG(ro_access, const struct bpf_fuse_meta_info *meta, struct fuse_access_in *in)
{
	return in->mask & MAY_WRITE ? -EROFS : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops read_only = {
	.create_open_prefilter = (void *)ro_create_open,
	.mknod_prefilter = (void *)ro_mknod,
	.mkdir_prefilter = (void *)ro_mkdir,
	.symlink_prefilter = (void *)ro_symlink,
	.link_prefilter = (void *)ro_link,
	.rename_prefilter = (void *)ro_rename,
	.rename2_prefilter = (void *)ro_rename2,
	.unlink_prefilter = (void *)ro_unlink,
	.rmdir_prefilter = (void *)ro_rmdir,
	.setattr_prefilter = (void *)ro_setattr,
	.setxattr_prefilter = (void *)ro_setxattr,
	.removexattr_prefilter = (void *)ro_removexattr,
	.write_iter_prefilter = (void *)ro_write_iter,
	.file_fallocate_prefilter = (void *)ro_file_fallocate,
	.copy_file_range_prefilter = (void *)ro_copy_file_range,
	.open_prefilter = (void *)ro_open,
	.access_prefilter = (void *)ro_access,
	.name = "read_only",
};
