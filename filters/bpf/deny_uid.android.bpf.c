// SPDX-License-Identifier: MIT OR Apache-2.0
/* Keeps one user out, for Android, whose kernels offer bpf_get_current_uid_gid. */
#define NO_TASK
#include "common.bpf.h"

char _license[] SEC("license") = "Dual MIT/GPL";

const volatile u32 denied_uid = 1000;

SEC("fuse/deny_uid")
int deny_uid(struct fuse_bpf_args *args)
{
	switch (args->opcode) {
	case FUSE_OPEN | FUSE_PREFILTER:
	case FUSE_OPENDIR | FUSE_PREFILTER:
	case FUSE_CREATE | FUSE_PREFILTER:
	case FUSE_ACCESS | FUSE_PREFILTER:
		if ((u32)bpf_get_current_uid_gid() == denied_uid)
			return -EACCES;
		return FUSE_BPF_BACKING;
	default:
		return FUSE_BPF_BACKING;
	}
}
