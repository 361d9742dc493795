/* A filter that loads, and does in each member one thing that its author would trip over. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, u64);
} map SEC(".maps");

/* Writes a const argument, and past the end of another. */
SEC("struct_ops/open_post")
uint32_t BPF_PROG(open_post, const struct bpf_fuse_meta_info *meta, const struct fuse_open_in *in,
		  struct fuse_open_out *out)
{
	((struct fuse_open_in *)in)->flags = 0;
	*(volatile u32 *)((char *)out + 16) = 1;
	return BPF_FUSE_CONTINUE;
}

/* Reads past the end, and answers on a crash path. */
SEC("struct_ops/open_pre")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return *(volatile u32 *)((char *)in + 8) ? BPF_FUSE_USER : BPF_FUSE_CONTINUE;
}

/* Looks into the buffer, writes into it, and asks for a postfilter that is not there. */
SEC("struct_ops/mkdir")
uint32_t BPF_PROG(mkdir_pre, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	struct bpf_dynptr text;

	bpf_fuse_get_rw_dynptr(name, &text, 4, true);
	name->size = name->max_size;
	return BPF_FUSE_POSTFILTER;
}

/* Does not test what may be NULL. */
SEC("struct_ops/lookup")
uint32_t BPF_PROG(lookup_pre, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	u32 key = 0;
	u64 *value = bpf_map_lookup_elem(&map, &key);
	struct bpf_dynptr text;
	char *start;

	bpf_fuse_get_ro_dynptr(name, &text);
	start = bpf_dynptr_slice(&text, 0, NULL, 2);
	*value = 1;
	if (!start)
		return BPF_FUSE_CONTINUE;
	start[0] = 'x';
	return start[2];
}

/* Never runs: its prefilter asks for nothing. */
SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(lookup_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_buffer *name, struct fuse_entry_out *out,
		  struct fuse_buffer *entries)
{
	return BPF_FUSE_CONTINUE;
}

/* Changes what nobody looks at. */
SEC("struct_ops/write")
uint32_t BPF_PROG(write_pre, const struct bpf_fuse_meta_info *meta, struct fuse_write_in *in)
{
	in->size = 10;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setattr")
uint32_t BPF_PROG(setattr_pre, const struct bpf_fuse_meta_info *meta, struct fuse_setattr_in *in)
{
	in->valid &= ~FATTR_MODE;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/setxattr")
uint32_t BPF_PROG(setxattr_pre, const struct bpf_fuse_meta_info *meta, struct fuse_setxattr_in *in,
		  struct fuse_buffer *name, struct fuse_buffer *value)
{
	struct bpf_dynptr text;

	bpf_fuse_get_rw_dynptr(value, &text, 4, true);
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/setxattr_post")
uint32_t BPF_PROG(setxattr_post, const struct bpf_fuse_meta_info *meta,
		  const struct fuse_setxattr_in *in, const struct fuse_buffer *name,
		  const struct fuse_buffer *value)
{
	return meta->error_in ? BPF_FUSE_USER : BPF_FUSE_USER_POSTFILTER;
}

/* Calls what v4 kernels do not offer. */
SEC("struct_ops/access")
uint32_t BPF_PROG(access_pre, const struct bpf_fuse_meta_info *meta, struct fuse_access_in *in)
{
	return bpf_get_current_uid_gid() & 1 ? -EACCES : BPF_FUSE_CONTINUE;
}

/* Members of v4 that never run or crash. */
SEC("struct_ops/release")
uint32_t BPF_PROG(release_pre, const struct bpf_fuse_meta_info *meta, struct fuse_release_in *in)
{
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/dir_fsync")
uint32_t BPF_PROG(dir_fsync_pre, const struct bpf_fuse_meta_info *meta, struct fuse_fsync_in *in)
{
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/statfs")
uint32_t BPF_PROG(statfs_pre, const struct bpf_fuse_meta_info *meta)
{
	return BPF_FUSE_USER_PREFILTER;
}

SEC("struct_ops/unbound")
uint32_t BPF_PROG(unbound, const struct bpf_fuse_meta_info *meta)
{
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops sins = {
	.open_prefilter = (void *)open_pre,
	.open_postfilter = (void *)open_post,
	.mkdir_prefilter = (void *)mkdir_pre,
	.lookup_prefilter = (void *)lookup_pre,
	.lookup_postfilter = (void *)lookup_post,
	.write_iter_prefilter = (void *)write_pre,
	.setattr_prefilter = (void *)setattr_pre,
	.setxattr_prefilter = (void *)setxattr_pre,
	.setxattr_postfilter = (void *)setxattr_post,
	.access_prefilter = (void *)access_pre,
	.release_prefilter = (void *)release_pre,
	.dir_fsync_prefilter = (void *)dir_fsync_pre,
	.statfs_prefilter = (void *)statfs_pre,
	.name = "sins",
};
