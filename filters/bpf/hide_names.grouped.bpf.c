// SPDX-License-Identifier: MIT OR Apache-2.0
/* Hides the names that begin with a dot, for v3-grouped: four programs in the place of twelve. */
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

static __always_inline u32 verdict(const struct fuse_buffer *name)
{
	struct bpf_dynptr text;
	char start[2] = {};
	u32 size;

	bpf_dynptr_from_fuse_buffer_ro(name, 0, &text);
	size = bpf_dynptr_size(&text);
	bpf_dynptr_read(start, sizeof(start), &text, 0, 0);
	if (start[0] != '.' || start[1] == 0)
		return BPF_FUSE_CONTINUE;
	/* `..` is no hidden name, and `..x` is one. */
	if (start[1] == '.' && size == sizeof(".."))
		return BPF_FUSE_CONTINUE;
	return -ENOENT;
}

SEC("struct_ops/name_op")
uint32_t BPF_PROG(hide_name, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *name)
{
	switch ((u32)op) {
	case FUSE_BPF_OP_UNLINK | FUSE_PREFILTER:
	case FUSE_BPF_OP_RMDIR | FUSE_PREFILTER:
	case FUSE_BPF_OP_MKNOD | FUSE_PREFILTER:
	case FUSE_BPF_OP_MKDIR | FUSE_PREFILTER:
	case FUSE_BPF_OP_LINK | FUSE_PREFILTER:
		return verdict(name);
	default:
		return BPF_FUSE_CONTINUE;
	}
}

SEC("struct_ops/pair_op")
uint32_t BPF_PROG(hide_pair, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *first, struct fuse_buffer *second)
{
	u32 code;

	switch ((u32)op) {
	case FUSE_BPF_OP_SYMLINK | FUSE_PREFILTER:
		return verdict(first);
	case FUSE_BPF_OP_RENAME | FUSE_PREFILTER:
	case FUSE_BPF_OP_RENAME2 | FUSE_PREFILTER:
		code = verdict(first);
		return code ? code : verdict(second);
	default:
		return BPF_FUSE_CONTINUE;
	}
}

SEC("struct_ops/entry_op")
uint32_t BPF_PROG(hide_entry, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *name, struct fuse_buffer *entry,
		  struct fuse_buffer *extra)
{
	return (u32)op & FUSE_PREFILTER ? verdict(name) : BPF_FUSE_CONTINUE;
}

static __always_inline u32 listing(struct fuse_buffer *out, struct fuse_buffer *data)
{
	u32 from = 0, to = 0;
	/* Flags, as in hide_names.bpf.c. */
	bool kept = false, hidden = false;
	char record[DIRENT_MAX];
	struct fuse_read_out next;
	struct bpf_dynptr records, fixed;
	int i;

	bpf_dynptr_from_fuse_buffer_rw(data, 0, &records);
	bpf_for(i, 0, DIRENTS_MAX) {
		struct fuse_dirent header;
		u32 size;

		if (bpf_dynptr_read(&header, sizeof(header), &records, from, 0))
			break;
		size = dirent_size(header.namelen);
		if (size <= DIRENT_HEADER || size > DIRENT_MAX)
			break;
		if (bpf_dynptr_read(record, size, &records, from, 0))
			break;
		from += size;
		if (header.namelen && record[DIRENT_HEADER] == '.' &&
		    !(header.namelen == 1 ||
		      (header.namelen == 2 && record[DIRENT_HEADER + 1] == '.'))) {
			hidden = true;
			continue;
		}
		if (bpf_dynptr_write(&records, to, record, size, 0))
			break;
		to += size;
		kept = true;
	}
	if (!hidden)
		return BPF_FUSE_CONTINUE;
	bpf_fuse_buffer_resize(data, to);
	/* Nothing is left of this part, and more may follow. */
	bpf_dynptr_from_fuse_buffer_rw(out, 0, &fixed);
	if (!kept && !bpf_dynptr_read(&next, sizeof(next), &fixed, 0, 0)) {
		next.again = 1;
		bpf_dynptr_write(&fixed, 0, &next, sizeof(next), 0);
	}
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/data_op")
uint32_t BPF_PROG(hide_data, const struct bpf_fuse_meta_info *meta, enum fuse_bpf_op op,
		  struct fuse_buffer *in, struct fuse_buffer *name, struct fuse_buffer *out,
		  struct fuse_buffer *data)
{
	switch ((u32)op) {
	case FUSE_BPF_OP_READDIR | FUSE_PREFILTER:
		return BPF_FUSE_POSTFILTER;
	case FUSE_BPF_OP_READDIR | FUSE_POSTFILTER:
		return meta->error_in ? BPF_FUSE_CONTINUE : listing(out, data);
	default:
		return BPF_FUSE_CONTINUE;
	}
}

SEC(".struct_ops.link")
struct fuse_grouped_ops hide_names = {
	.name_op = (void *)hide_name,
	.pair_op = (void *)hide_pair,
	.entry_op = (void *)hide_entry,
	.data_op = (void *)hide_data,
	.name = "hide_names",
};
