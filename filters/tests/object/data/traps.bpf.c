/* Filters that go wrong only when they run, and only for some names. */
#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

struct lengths {
	u8 seen[9];
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, u32);
	__type(value, struct lengths);
} lengths SEC(".maps");

/* Names of up to seven bytes fit; with the NUL, one of nine bytes is past the end. */
SEC("struct_ops/lookup")
uint32_t BPF_PROG(note_length, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	struct lengths *table;
	u32 key = 0;

	table = bpf_map_lookup_elem(&lengths, &key);
	if (!table)
		return BPF_FUSE_CONTINUE;
	table->seen[bpf_fuse_return_len(name)]++;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops past_table = {
	.lookup_prefilter = (void *)note_length,
	.name = "past_table",
};

/* Never ends for a directory whose name begins with a `d`. */
SEC("struct_ops/mkdir")
uint32_t BPF_PROG(wait_for_d, const struct bpf_fuse_meta_info *meta, struct fuse_mkdir_in *in,
		  struct fuse_buffer *name)
{
	volatile char start = 0;
	struct bpf_dynptr text;
	char first[1] = {};

	bpf_fuse_get_ro_dynptr(name, &text);
	bpf_dynptr_read(first, sizeof(first), &text, 0, 0);
	start = first[0];
	while (start == 'd')
		;
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops.link")
struct fuse_ops spin = {
	.mkdir_prefilter = (void *)wait_for_d,
	.name = "spin",
};
