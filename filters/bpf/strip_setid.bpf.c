// SPDX-License-Identifier: MIT OR Apache-2.0
/* Creates nothing that is setuid or setgid, and lets nothing become so. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

SEC("struct_ops/create_open")
uint32_t BPF_PROG(strip_create_open, const struct bpf_fuse_meta_info *meta,
		  struct fuse_create_in *in, struct fuse_buffer *name)
{
	in->mode &= ~(S_ISUID | S_ISGID);
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/mknod")
uint32_t BPF_PROG(strip_mknod, const struct bpf_fuse_meta_info *meta, struct fuse_mknod_in *in,
		  struct fuse_buffer *name)
{
	in->mode &= ~(S_ISUID | S_ISGID);
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(strip_setattr, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	if (in->valid & FATTR_MODE)
		in->mode &= ~(S_ISUID | S_ISGID);
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops strip_setid = {
	.create_open_prefilter = (void *)strip_create_open,
	.mknod_prefilter = (void *)strip_mknod,
	.setattr_prefilter = (void *)strip_setattr,
	.name = "strip_setid",
};
