// SPDX-License-Identifier: MIT OR Apache-2.0
/* The filters that the selftests of fuse-bpf attach, by the names under which they register: they
 * decide what those decide and print the words that the tests search for. A name is known by the
 * size of its buffer as well, which counts the NUL. */
#include "common.bpf.h"

char _license[] SEC("license") = "GPL";

/* Nodes that test_trace_ops gives to two names, and the handle by which it knows directories. */
#define REAL_NODE 5
#define PARTIAL_NODE 6
#define DIRECTORY_FH 2

/* Whether the buffer begins with a text and the NUL behind it. */
#define BEGINS(buffer, text) \
	({ \
		char start[sizeof(text)] = {}; \
		struct bpf_dynptr bytes; \
		bpf_fuse_get_ro_dynptr(buffer, &bytes); \
		!bpf_dynptr_read(start, sizeof(start), &bytes, 0, 0) && \
			!__builtin_memcmp(start, text, sizeof(text)); \
	})

#define META const struct bpf_fuse_meta_info *meta

/* A member that prints a word and the node, and then decides. */
#define TRACED(table, op, word, decide, ...) \
	SEC("struct_ops/" #op) \
	uint32_t BPF_PROG(table##_##op, META, ##__VA_ARGS__) \
	{ \
		bpf_printk(word " %llu", meta->nodeid); \
		return decide; \
	}

/* What both tables trace with the same word and let through. */
#define TRACED_ALIKE(table) \
	TRACED(table, create_open, "Create", BPF_FUSE_CONTINUE, struct fuse_create_in *in, \
	       struct fuse_buffer *name) \
	TRACED(table, release, "Release", BPF_FUSE_CONTINUE, struct fuse_release_in *in) \
	TRACED(table, releasedir, "Release", BPF_FUSE_CONTINUE, struct fuse_release_in *in) \
	TRACED(table, flush, "flush", BPF_FUSE_CONTINUE, struct fuse_flush_in *in) \
	TRACED(table, lseek, "lseek", BPF_FUSE_CONTINUE, struct fuse_lseek_in *in) \
	TRACED(table, getxattr, "getxattr", BPF_FUSE_CONTINUE, struct fuse_getxattr_in *in, \
	       struct fuse_buffer *name) \
	TRACED(table, listxattr, "listxattr", BPF_FUSE_CONTINUE, struct fuse_getxattr_in *in) \
	TRACED(table, setxattr, "setxattr", BPF_FUSE_CONTINUE, struct fuse_setxattr_in *in, \
	       struct fuse_buffer *name, struct fuse_buffer *value) \
	TRACED(table, removexattr, "removexattr", BPF_FUSE_CONTINUE, struct fuse_buffer *name) \
	TRACED(table, write_iter, "Write", BPF_FUSE_CONTINUE, struct fuse_write_in *in) \
	TRACED(table, file_fallocate, "fallocate", BPF_FUSE_CONTINUE, \
	       struct fuse_fallocate_in *in) \
	TRACED(table, mknod, "mknod", BPF_FUSE_CONTINUE, struct fuse_mknod_in *in, \
	       struct fuse_buffer *name) \
	TRACED(table, mkdir, "mkdir", BPF_FUSE_CONTINUE, struct fuse_mkdir_in *in, \
	       struct fuse_buffer *name) \
	TRACED(table, rmdir, "rmdir", BPF_FUSE_CONTINUE, struct fuse_buffer *name) \
	TRACED(table, rename2, "rename", BPF_FUSE_CONTINUE, struct fuse_rename2_in *in, \
	       struct fuse_buffer *old_name, struct fuse_buffer *new_name) \
	TRACED(table, rename, "rename", BPF_FUSE_CONTINUE, struct fuse_rename_in *in, \
	       struct fuse_buffer *old_name, struct fuse_buffer *new_name) \
	TRACED(table, unlink, "unlink", BPF_FUSE_CONTINUE, struct fuse_buffer *name) \
	TRACED(table, link, "link", BPF_FUSE_CONTINUE, struct fuse_link_in *in, \
	       struct fuse_buffer *name) \
	TRACED(table, statfs, "statfs", BPF_FUSE_CONTINUE) \
	TRACED(table, get_link, "readlink", BPF_FUSE_CONTINUE, struct fuse_buffer *name) \
	TRACED(table, symlink, "symlink", BPF_FUSE_CONTINUE, struct fuse_buffer *name, \
	       struct fuse_buffer *path) \
	TRACED(table, access, "Access", BPF_FUSE_CONTINUE, struct fuse_access_in *in)

#define MEMBER(table, op) .op##_prefilter = (void *)table##_##op

#define MEMBERS(table) \
	MEMBER(table, open), MEMBER(table, opendir), MEMBER(table, create_open), \
	MEMBER(table, release), MEMBER(table, releasedir), MEMBER(table, flush), \
	MEMBER(table, lseek), MEMBER(table, getxattr), MEMBER(table, listxattr), \
	MEMBER(table, setxattr), MEMBER(table, removexattr), MEMBER(table, read_iter), \
	MEMBER(table, write_iter), MEMBER(table, file_fallocate), MEMBER(table, lookup), \
	MEMBER(table, mknod), MEMBER(table, mkdir), MEMBER(table, rmdir), \
	MEMBER(table, rename2), MEMBER(table, rename), MEMBER(table, unlink), \
	MEMBER(table, link), MEMBER(table, getattr), MEMBER(table, setattr), \
	MEMBER(table, statfs), MEMBER(table, get_link), MEMBER(table, symlink), \
	MEMBER(table, readdir), MEMBER(table, access)

/* trace_ops: every operation but three is printed; the daemon is asked about names in the root. */

TRACED_ALIKE(trace)
TRACED(trace, open, "Open", BPF_FUSE_CONTINUE, struct fuse_open_in *in)
TRACED(trace, opendir, "Open Dir", BPF_FUSE_CONTINUE, struct fuse_open_in *in)
TRACED(trace, read_iter, "Read", BPF_FUSE_CONTINUE, struct fuse_read_in *in)
TRACED(trace, getattr, "Get Attr", BPF_FUSE_CONTINUE, struct fuse_getattr_in *in)
TRACED(trace, setattr, "Set Attr", BPF_FUSE_CONTINUE, struct fuse_setattr_in *in)
TRACED(trace, readdir, "Read Dir", BPF_FUSE_CONTINUE, struct fuse_read_in *in)
TRACED(trace, lookup, "Lookup",
       meta->nodeid == 1 ? BPF_FUSE_USER_PREFILTER : BPF_FUSE_CONTINUE, struct fuse_buffer *name)

SEC(".struct_ops.link")
struct fuse_ops trace_ops = {
	MEMBERS(trace),
	.name = "trace_ops",
};

/* test_trace_ops: serves a few names below and leaves the rest to the daemon. */

static __always_inline u32 serve_name(struct fuse_buffer *name)
{
	u32 size = bpf_fuse_return_len(name);

	if (size >= 8)
		return BEGINS(name, "partial") ? BPF_FUSE_POSTFILTER : BPF_FUSE_USER;
	if (size >= 6)
		return BEGINS(name, "file1") || BEGINS(name, "file2") ? BPF_FUSE_POSTFILTER :
									 BPF_FUSE_USER;
	if (size == 5)
		return BEGINS(name, "dir2") || BEGINS(name, "real") ? BPF_FUSE_POSTFILTER :
								       BPF_FUSE_USER;
	if (size == 4)
		return BEGINS(name, "dir") ? BPF_FUSE_POSTFILTER : BPF_FUSE_USER;
	return BPF_FUSE_USER;
}

/* Attributes of its own nodes; 100 is the one that the daemon adds to a listing. */
static __always_inline u32 serve_attributes(u64 node)
{
	bool own = node == 1 || node == REAL_NODE || node == PARTIAL_NODE || node == 100;

	return own ? BPF_FUSE_CONTINUE : BPF_FUSE_USER;
}

static __always_inline u32 serve_open(u64 node)
{
	if (node == REAL_NODE)
		return BPF_FUSE_CONTINUE;
	return node == PARTIAL_NODE ? BPF_FUSE_POSTFILTER : BPF_FUSE_USER;
}

TRACED_ALIKE(test)
TRACED(test, open, "Open", serve_open(meta->nodeid), struct fuse_open_in *in)
TRACED(test, opendir, "opendir", meta->nodeid == 1 ? BPF_FUSE_POSTFILTER : BPF_FUSE_USER,
       struct fuse_open_in *in)
TRACED(test, read_iter, "read",
       in->fh == 1 && in->offset == 0 ? BPF_FUSE_USER : BPF_FUSE_CONTINUE,
       struct fuse_read_in *in)
TRACED(test, getattr, "getattr", serve_attributes(meta->nodeid), struct fuse_getattr_in *in)
TRACED(test, setattr, "Set Attr", serve_attributes(meta->nodeid), struct fuse_setattr_in *in)
TRACED(test, readdir, "readdir",
       in->fh == DIRECTORY_FH ? BPF_FUSE_POSTFILTER : BPF_FUSE_USER, struct fuse_read_in *in)
TRACED(test, lookup, "Lookup", serve_name(name), struct fuse_buffer *name)

SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(test_lookup_post, META, struct fuse_buffer *name, struct fuse_entry_out *out,
		  struct fuse_buffer *entries)
{
	if (BEGINS(name, "partial"))
		out->nodeid = PARTIAL_NODE;
	else if (BEGINS(name, "real"))
		out->nodeid = REAL_NODE;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/open_post")
uint32_t BPF_PROG(test_open_post, META, const struct fuse_open_in *in, struct fuse_open_out *out)
{
	return BPF_FUSE_USER_POSTFILTER;
}

SEC("struct_ops/opendir_post")
uint32_t BPF_PROG(test_opendir_post, META, const struct fuse_open_in *in,
		  struct fuse_open_out *out)
{
	out->fh = DIRECTORY_FH;
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/readdir_post")
uint32_t BPF_PROG(test_readdir_post, META, const struct fuse_read_in *in,
		  struct fuse_read_out *out, struct fuse_buffer *buffer)
{
	return in->fh == DIRECTORY_FH ? BPF_FUSE_USER_POSTFILTER : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops test_trace_ops = {
	MEMBERS(test),
	.lookup_postfilter = (void *)test_lookup_post,
	.open_postfilter = (void *)test_open_post,
	.opendir_postfilter = (void *)test_opendir_post,
	.readdir_postfilter = (void *)test_readdir_post,
	.name = "test_trace_ops",
};

/* readdir_redact: the daemon filters every listing. */

SEC("struct_ops/readdir")
uint32_t BPF_PROG(redact_readdir, META, struct fuse_read_in *in)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/readdir_post")
uint32_t BPF_PROG(redact_readdir_post, META, const struct fuse_read_in *in,
		  struct fuse_read_out *out, struct fuse_buffer *buffer)
{
	return BPF_FUSE_USER_POSTFILTER;
}

SEC(".struct_ops.link")
struct fuse_ops readdir_redact = {
	.readdir_prefilter = (void *)redact_readdir,
	.readdir_postfilter = (void *)redact_readdir_post,
	.name = "readdir_redact",
};

/* test_hidden: the name `hide` cannot be found. */

SEC("struct_ops/lookup")
uint32_t BPF_PROG(hidden_lookup, META, struct fuse_buffer *name)
{
	bool hidden = bpf_fuse_return_len(name) == sizeof("hide") && BEGINS(name, "hide");

	return hidden ? -ENOENT : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/access")
uint32_t BPF_PROG(hidden_access, META, struct fuse_access_in *in)
{
	bpf_printk("Access");
	return BPF_FUSE_CONTINUE;
}

SEC("struct_ops/create_open")
uint32_t BPF_PROG(hidden_create_open, META, struct fuse_create_in *in, struct fuse_buffer *name)
{
	bpf_printk("Create");
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops test_hidden = {
	.lookup_prefilter = (void *)hidden_lookup,
	.access_prefilter = (void *)hidden_access,
	.create_open_prefilter = (void *)hidden_create_open,
	.name = "test_hidden",
};

/* test_error: changes the errors of mkdir, and lets the daemon change those of one name. */

SEC("struct_ops/lookup")
uint32_t BPF_PROG(error_lookup, META, struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(error_lookup_post, META, struct fuse_buffer *name, struct fuse_entry_out *out,
		  struct fuse_buffer *entries)
{
	return BEGINS(name, "doesnotexist") ? BPF_FUSE_USER_POSTFILTER : BPF_FUSE_CONTINUE;
}

SEC("struct_ops/mkdir")
uint32_t BPF_PROG(error_mkdir, META, struct fuse_mkdir_in *in, struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/mkdir_post")
uint32_t BPF_PROG(error_mkdir_post, META, const struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	return meta->error_in == (u32)-EEXIST ? -EPERM : BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops test_error = {
	.lookup_prefilter = (void *)error_lookup,
	.lookup_postfilter = (void *)error_lookup_post,
	.mkdir_prefilter = (void *)error_mkdir,
	.mkdir_postfilter = (void *)error_mkdir_post,
	.name = "test_error",
};

/* readdir_plus: the daemon lists directories. */

SEC("struct_ops/readdir")
uint32_t BPF_PROG(plus_readdir, META, struct fuse_read_in *in)
{
	return BPF_FUSE_USER;
}

SEC(".struct_ops.link")
struct fuse_ops readdir_plus = {
	.readdir_prefilter = (void *)plus_readdir,
	.name = "readdir_plus",
};

/* passthrough: what is found loses its filter, and the daemon may send the caller elsewhere. */

SEC("struct_ops/lookup")
uint32_t BPF_PROG(passthrough_lookup, META, struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(passthrough_lookup_post, META, struct fuse_buffer *name,
		  struct fuse_entry_out *out, struct fuse_buffer *entries)
{
	struct fuse_bpf_entry_out entry = { .entry_type = FUSE_ENTRY_REMOVE_BPF };
	struct bpf_dynptr list;

	bpf_fuse_get_rw_dynptr(entries, &list, sizeof(entry), false);
	bpf_dynptr_write(&list, 0, &entry, sizeof(entry), 0);
	return BPF_FUSE_USER_POSTFILTER;
}

SEC(".struct_ops.link")
struct fuse_ops passthrough = {
	.lookup_prefilter = (void *)passthrough_lookup,
	.lookup_postfilter = (void *)passthrough_lookup_post,
	.name = "passthrough",
};

/* lookup_post: the daemon sees every lookup afterwards. */

SEC("struct_ops/lookup")
uint32_t BPF_PROG(post_lookup, META, struct fuse_buffer *name)
{
	return BPF_FUSE_POSTFILTER;
}

SEC("struct_ops/lookup_post")
uint32_t BPF_PROG(post_lookup_post, META, struct fuse_buffer *name, struct fuse_entry_out *out,
		  struct fuse_buffer *entries)
{
	return BPF_FUSE_USER_POSTFILTER;
}

SEC(".struct_ops.link")
struct fuse_ops lookup_post = {
	.lookup_prefilter = (void *)post_lookup,
	.lookup_postfilter = (void *)post_lookup_post,
	.name = "lookup_post",
};
