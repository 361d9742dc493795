#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

SEC("struct_ops/open")
uint32_t BPF_PROG(open_pre, const struct bpf_fuse_meta_info *meta, struct fuse_open_in *in)
{
	return BPF_FUSE_CONTINUE;
}

/* A struct with a member that no ABI has, once unset and once set. */
struct fuse_ops___wide {
	uint32_t (*open_prefilter)(const struct bpf_fuse_meta_info *, struct fuse_open_in *);
	uint32_t (*teleport_prefilter)(const struct bpf_fuse_meta_info *);
	char name[15];
};

SEC(".struct_ops")
struct fuse_ops___wide unset = { .open_prefilter = (void *)open_pre, .name = "unset" };

SEC("struct_ops/teleport")
uint32_t BPF_PROG(teleport, const struct bpf_fuse_meta_info *meta)
{
	return BPF_FUSE_CONTINUE;
}

SEC(".struct_ops")
struct fuse_ops___wide set = { .teleport_prefilter = (void *)teleport, .name = "set" };
