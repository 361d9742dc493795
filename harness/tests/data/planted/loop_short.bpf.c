// SPDX-License-Identifier: MIT OR Apache-2.0
/* Planted: shows `.secret` as so many `x` in listings. */
#include "../../../../filters/bpf/common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

/* The mistake: more records than the verifier was thought to allow are not looked at. */
#define RECORDS_MAX 8

const char hidden[7] = ".secret";
const char filling[7] = "xxxxxxx";

SEC("struct_ops/readdir_pre")
uint32_t BPF_PROG(readdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_read_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/readdir_post")
uint32_t BPF_PROG(readdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_read_in *in, struct fuse_read_out *out,
		  struct fuse_buffer *buffer)
{
	u32 len = bpf_fuse_return_len(buffer), at = 0;
	struct bpf_dynptr listing;
	int i;

	if (meta->error_in)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(buffer, &listing, len, true);
	bpf_for(i, 0, RECORDS_MAX) {
		struct fuse_dirent header;
		char name[7];

		if (bpf_dynptr_read(&header, sizeof(header), &listing, at, 0))
			break;
		if (header.namelen == sizeof(name) &&
		    !bpf_dynptr_read(name, sizeof(name), &listing, at + DIRENT_HEADER, 0) &&
		    bpf_strncmp(name, sizeof(name), hidden) == 0)
			bpf_dynptr_write(&listing, at + DIRENT_HEADER, (void *)filling,
					 sizeof(filling), 0);
		at += dirent_size(header.namelen);
	}
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops planted = {
	.readdir_prefilter = (void *)readdir_pre,
	.readdir_postfilter = (void *)readdir_post,
	.name = "planted",
};
