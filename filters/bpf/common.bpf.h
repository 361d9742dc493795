/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* What the filters of this directory share. */
#ifndef FUSERIG_COMMON_BPF_H
#define FUSERIG_COMMON_BPF_H

#include "vmlinux.h"
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* A record of a directory buffer: the header, the name, and padding to 8 bytes. */
#define DIRENT_HEADER 24
#define DIRENT_MAX (DIRENT_HEADER + 256)
/* A page of the shortest records. */
#define DIRENTS_MAX 128

/* The length of a record with a name of so many bytes. */
static __always_inline u32 dirent_size(u32 namelen)
{
	return (DIRENT_HEADER + namelen + 7) & ~7u;
}

/* A bounded loop that the verifier understands, for libbpf before 1.3, which has no bpf_for. */
#ifndef bpf_for
#define bpf_for(i, start, end) \
	for (struct bpf_iter_num numbers \
		     __attribute__((aligned(8), cleanup(bpf_iter_num_destroy))), \
	     *made __attribute__((unused)) = (bpf_iter_num_new(&numbers, start, end), &numbers); \
	     ({ \
		     int *number = bpf_iter_num_next(&numbers); \
		     number && ((i) = *number, 1); \
	     });)
#endif

#ifndef NO_TASK
/* The user whose system call it is. The kernels of v3 and v4 refuse bpf_get_current_uid_gid. */
static __always_inline u32 current_uid(void)
{
	struct task_struct *task = bpf_get_current_task_btf();

	return task->cred->uid.val;
}
#endif

#endif
