#define bpf_fuse_get_ro_dynptr bpf_fuse_get_ro_dynptr_real
#include "vmlinux.h"
#undef bpf_fuse_get_ro_dynptr
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

char _license[] SEC("license") = "GPL";

/* A kernel function that is declared with too few parameters. */
extern void bpf_fuse_get_ro_dynptr(const struct fuse_buffer *buffer) __ksym;

SEC("struct_ops/lookup")
uint32_t BPF_PROG(lookup_pre, const struct bpf_fuse_meta_info *meta, struct fuse_buffer *name)
{
	bpf_fuse_get_ro_dynptr(name);
	return BPF_FUSE_CONTINUE;
}
