// SPDX-License-Identifier: MIT OR Apache-2.0
/* Shows the names that end in `.key` as so many `x` in listings; they can still be opened. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

const char suffix[4] = ".key";
const char filling[256] =
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
	"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx";

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
	struct bpf_dynptr listing;
	int i;

	if (meta->error_in)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(buffer, &listing, len, true);
	bpf_for(i, 0, DIRENTS_MAX) {
		struct fuse_dirent header;
		u32 namelen;
		char end[4];

		if (bpf_dynptr_read(&header, sizeof(header), &listing, at, 0))
			break;
		namelen = header.namelen;
		if (namelen == 0 || namelen > 255)
			break;
		if (namelen >= sizeof(end) &&
		    !bpf_dynptr_read(end, sizeof(end), &listing,
				     at + DIRENT_HEADER + namelen - sizeof(end), 0) &&
		    bpf_strncmp(end, sizeof(end), suffix) == 0)
			bpf_dynptr_write(&listing, at + DIRENT_HEADER, (void *)filling, namelen, 0);
		at += dirent_size(namelen);
	}
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops redact_list = {
	.readdir_prefilter = (void *)redact_pre,
	.readdir_postfilter = (void *)redact_post,
	.name = "redact_list",
};
