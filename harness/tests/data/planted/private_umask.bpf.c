// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: what is made is for its owner alone. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define OTHERS 077

SEC("struct_ops/create_open")
uint32_t BPF_PROG(create, const struct bpf_fuse_meta_info *meta, struct fuse_create_in *in,
		  struct fuse_buffer *name)
{
	/* The mistake: nobody applies the umask of a create; only its mode counts. */
	in->umask |= OTHERS;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/mknod")
uint32_t BPF_PROG(mknod, const struct bpf_fuse_meta_info *meta, struct fuse_mknod_in *in,
		  struct fuse_buffer *name)
{
	in->mode &= ~OTHERS;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	in->mode &= ~OTHERS;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.create_open_prefilter = (void *)create,
	.mknod_prefilter = (void *)mknod,
	.mkdir_prefilter = (void *)mkdir,
	.name = "planted",
};
