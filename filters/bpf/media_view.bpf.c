// SPDX-License-Identifier: MIT OR Apache-2.0
/*
 * The way Android shows media: what everybody may read is looked up below without asking; for the
 * rest the daemon decides.
 */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define OTHERS_READ 04

SEC("struct_ops/lookup_pre")
uint32_t BPF_PROG(media_lookup_pre, const struct bpf_fuse_meta_info *meta,
		  struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(media_lookup_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_buffer *name, struct fuse_entry_out *out,
		  struct fuse_buffer *entries)
{
	if (meta->error_in)
		return BPF_FUSE_CONTINUE;
	return out->attr.mode & OTHERS_READ ? BPF_FUSE_CONTINUE : BPF_FUSE_USER_POSTFILTER;
}

SEC(".struct_ops.link")
struct fuse_ops media_view = {
	.lookup_prefilter = (void *)media_lookup_pre,
	.lookup_postfilter = (void *)media_lookup_post,
	.name = "media_view",
};
