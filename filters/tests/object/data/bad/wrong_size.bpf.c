#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return BPF_FUSE_CONTINUE;
}

/* A name of another size. */
struct fuse_ops___name {
	uint32_t (*open_prefilter)(const struct bpf_fuse_meta_info *, struct fuse_open_in *);
	char name[16];
};

SEC(".struct_ops")
struct fuse_ops___name ops = { .open_prefilter = (void *)open_pre, .name = "sized" };
