// SPDX-License-Identifier: MIT OR Apache-2.0
/* Hides the names that begin with a dot: as if they did not exist, and not in listings either. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static __always_inline u32 verdict(const struct fuse_buffer *name)
{
	struct bpf_dynptr text;
	char start[2] = {};

	bpf_fuse_get_ro_dynptr(name, &text);
	/* The NUL counts, so that the shortest name has two bytes. */
	bpf_dynptr_read(start, sizeof(start), &text, 0, 0);
	if (start[0] != '.' || start[1] == 0)
		return BPF_FUSE_CONTINUE;
	/* `..` is no hidden name, and `..x` is one. */
	if (start[1] == '.' && bpf_fuse_return_len((struct fuse_buffer *)name) == sizeof(".."))
		return BPF_FUSE_CONTINUE;
	return -ENOENT;
}

#define ONE_NAME(op) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(hide_##op, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name) \
	{ \
		return verdict(name); \
	}

#define NAME_BEHIND(op, in) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(hide_##op, const struct bpf_fuse_meta_info *meta, in *args, \
			  struct fuse_buffer *name) \
	{ \
		return verdict(name); \
	}

ONE_NAME(lookup)
ONE_NAME(unlink)
ONE_NAME(rmdir)
NAME_BEHIND(create_open, struct fuse_create_in)
NAME_BEHIND(mknod, struct fuse_mknod_in)
NAME_BEHIND(mkdir, struct fuse_mkdir_in)
NAME_BEHIND(link, struct fuse_link_in)

SEC("struct_ops/symlink")
uint32_t BPF_PROG(hide_symlink, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name,
		  struct fuse_buffer *path)
{
	return verdict(name);
}

SEC("struct_ops/rename")
uint32_t BPF_PROG(hide_rename, const struct bpf_fuse_meta_info *meta, struct fuse_rename_in *in,
		  struct fuse_buffer *old_name, struct fuse_buffer *new_name)
{
	u32 first = verdict(old_name);

	return first ? first : verdict(new_name);
}

SEC("struct_ops/rename2")
uint32_t BPF_PROG(hide_rename2, const struct bpf_fuse_meta_info *meta, struct fuse_rename2_in *in,
		  struct fuse_buffer *old_name, struct fuse_buffer *new_name)
{
	u32 first = verdict(old_name);

	return first ? first : verdict(new_name);
}

SEC("struct_ops/readdir_pre")
uint32_t BPF_PROG(hide_readdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_read_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/readdir_post")
uint32_t BPF_PROG(hide_readdir_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_read_in *in, struct fuse_read_out *out,
		  struct fuse_buffer *buffer)
{
	u32 len = bpf_fuse_return_len(buffer), from = 0, to = 0;
	/* Flags and not comparisons of the offsets: a verifier that must know those exactly walks
	 * every number of records apart. */
	bool kept = false, hidden = false;
	char record[DIRENT_MAX];
	struct bpf_dynptr listing, resized;
	int i;

	if (meta->error_in)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(buffer, &listing, len, true);
	bpf_for(i, 0, DIRENTS_MAX) {
		struct fuse_dirent header;
		u32 size;

		if (bpf_dynptr_read(&header, sizeof(header), &listing, from, 0))
			break;
		size = dirent_size(header.namelen);
		if (size <= DIRENT_HEADER || size > DIRENT_MAX)
			break;
		if (bpf_dynptr_read(record, size, &listing, from, 0))
			break;
		from += size;
		if (header.namelen && record[DIRENT_HEADER] == '.' &&
		    !(header.namelen == 1 ||
		      (header.namelen == 2 && record[DIRENT_HEADER + 1] == '.'))) {
			hidden = true;
			continue;
		}
		if (bpf_dynptr_write(&listing, to, record, size, 0))
			break;
		to += size;
		kept = true;
	}
	if (!hidden)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_get_rw_dynptr(buffer, &resized, to, false);
	/* Nothing is left of this part, and more may follow. */
	if (!kept)
		out->again = 1;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops hide_names = {
	.lookup_prefilter = (void *)hide_lookup,
	.unlink_prefilter = (void *)hide_unlink,
	.rmdir_prefilter = (void *)hide_rmdir,
	.create_open_prefilter = (void *)hide_create_open,
	.mknod_prefilter = (void *)hide_mknod,
	.mkdir_prefilter = (void *)hide_mkdir,
	.link_prefilter = (void *)hide_link,
	.symlink_prefilter = (void *)hide_symlink,
	.rename_prefilter = (void *)hide_rename,
	.rename2_prefilter = (void *)hide_rename2,
	.readdir_prefilter = (void *)hide_readdir_pre,
	.readdir_postfilter = (void *)hide_readdir_post,
	.name = "hide_names",
};
