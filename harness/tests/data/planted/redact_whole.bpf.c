// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: listings show .secret as so many x. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

#define REDACTED ".secret"
#define LENGTH (sizeof(REDACTED) - 1)

SEC("struct_ops/readdir_pre")
uint32_t BPF_PROG(redact_pre, const struct bpf_fuse_meta_info *meta, struct fuse_read_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/readdir_post")
uint32_t BPF_PROG(redact_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_read_in *in, struct fuse_read_out *out,
		  struct fuse_buffer *buffer)
{
	u32 len = bpf_fuse_return_len(buffer), at = 0;
	char filling[] = "xxxxxxx";
	struct bpf_dynptr listing;
	int i;

	if (meta->error_in)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(buffer, &listing, len, true);
	bpf_for(i, 0, DIRENTS_MAX) {
		struct fuse_dirent header;
		char name[LENGTH];

		if (bpf_dynptr_read(&header, sizeof(header), &listing, at, 0))
			break;
		if (header.namelen == LENGTH &&
		    !bpf_dynptr_read(name, LENGTH, &listing, at + DIRENT_HEADER, 0) &&
		    !__builtin_memcmp(name, REDACTED, LENGTH))
			bpf_dynptr_write(&listing, at + DIRENT_HEADER, filling, LENGTH, 0);
		/* The mistake: a name that needs no padding gets eight bytes of it. */
		at += (DIRENT_HEADER + header.namelen + 8) & ~7u;
	}
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.readdir_prefilter = (void *)redact_pre,
	.readdir_postfilter = (void *)redact_post,
	.name = "planted",
};
