/* Every relocation that the loader knows, in one object. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>
#include <bpf/bpf_core_read.h>

char _license[] SEC("license") = "Dual BSD/GPL";

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, u32);
	__type(value, u64);
} counts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

struct inner {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, u32);
	__type(value, u32);
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY_OF_MAPS);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__array(values, struct inner);
} outer SEC(".maps");

const volatile u32 limit = 7;
u64 total;
u32 table[4] = {1, 2, 3, 4};

struct fuse_open_in___old { u32 flags; u32 gone; } __attribute__((preserve_access_index));
struct fuse_attr___old { u64 size; u64 ino; } __attribute__((preserve_access_index));
enum fuse_bpf_set___x { FUSE_BPF_REMOVE___x = 9, FUSE_BPF_NEVER___x = 10 };

static __noinline int add(u64 by)
{
	total += by;
	return (int)total;
}

static int each(u32 index, void *context)
{
	*(u32 *)context += table[index & 3];
	return 0;
}

extern int bpf_no_such_kfunc(void) __ksym __weak;

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	struct fuse_open_in___old *old = (void *)in;
	u32 key = limit, sum = 0;
	u64 *count = bpf_map_lookup_elem(&counts, &key);

	if (count)
		__sync_fetch_and_add(count, 1);
	if (bpf_core_field_exists(old->gone))
		in->flags = old->gone;
	bpf_loop(4, each, &sum, 0);
	if (bpf_no_such_kfunc)
		bpf_no_such_kfunc();
	return add(sum) + bpf_core_type_size(struct fuse_open_in) +
	       bpf_core_enum_value(enum fuse_bpf_set___x, FUSE_BPF_REMOVE___x) +
	       bpf_core_enum_value_exists(enum fuse_bpf_set___x, FUSE_BPF_NEVER___x) +
	       bpf_core_type_exists(struct fuse_attr___old) +
	       bpf_core_field_offset(struct fuse_attr___old, size) +
	       bpf_core_field_size(struct fuse_open_in, flags);
}

SEC("struct_ops/lookup")
uint32_t BPF_PROG(lookup_pre, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	struct bpf_dynptr dynptr;
	char *text;

	bpf_fuse_get_ro_dynptr(name, &dynptr);
	text = bpf_dynptr_slice(&dynptr, 0, NULL, 4);
	if (text && bpf_strncmp(text, 4, "abc") == 0)
		return -ENOENT;
	return add(1) ? BPF_FUSE_CONTINUE : BPF_FUSE_USER;
}

SEC(".struct_ops")
struct fuse_ops first = {
	.open_prefilter = (void *)open_pre,
	.name = "first",
};

SEC(".struct_ops.link")
struct fuse_ops second = {
	.open_prefilter = (void *)open_pre,
	.lookup_prefilter = (void *)lookup_pre,
	.name = "second.link",
};
