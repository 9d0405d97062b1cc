// SPDX-License-Identifier: Apache-2.0
// Copyright 2026 the Zoetrope authors

// For CLONE_THREAD.
#define _GNU_SOURCE

#include "CVips.h"

#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#if defined(__x86_64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_X86_64
#elif defined(__aarch64__)
#define THIS_ARCHITECTURE AUDIT_ARCH_AARCH64
#endif

static int32_t limit(int resource, rlim_t value) {
  struct rlimit both = {.rlim_cur = value, .rlim_max = value};
  return setrlimit(resource, &both) == 0 ? 0 : errno;
}

// RLIMIT_NPROC counts threads too, and libvips decodes on a thread, so processes are refused by
// system call instead: clone is let through only for threads, and clone3, whose flags a filter
// cannot see, is reported as missing, upon which the C library falls back to clone.
static int32_t refuse_processes_and_sockets(void) {
#ifdef THIS_ARCHITECTURE
#define REFUSE(number, code)                                                                 \
  BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1),                                       \
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | (code))
  struct sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, THIS_ARCHITECTURE, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#ifdef __x86_64__
      // The x32 calls carry this bit and would slip past the numbers below.
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x40000000, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      REFUSE(SYS_fork, EPERM),
      REFUSE(SYS_vfork, EPERM),
#endif
      REFUSE(SYS_execve, EPERM),
      REFUSE(SYS_execveat, EPERM),
      REFUSE(SYS_socket, EPERM),
      REFUSE(SYS_ptrace, EPERM),
      REFUSE(SYS_clone3, ENOSYS),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_clone, 0, 3),
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[0])),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, CLONE_THREAD, 1, 0),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  struct sock_fprog program = {.len = sizeof filter / sizeof *filter, .filter = filter};
  if (prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) return errno;
#endif
  return 0;
}

int32_t cvips_confine(uint64_t memory, uint64_t seconds) {
  // Each arena of the allocator reserves address space of its own, which the limit would count.
  mallopt(M_ARENA_MAX, 1);
  int32_t failed = 0;
  if ((failed = limit(RLIMIT_AS, memory)) != 0) return failed;
  if ((failed = limit(RLIMIT_CPU, seconds)) != 0) return failed;
  if ((failed = limit(RLIMIT_FSIZE, 0)) != 0) return failed;
  if ((failed = limit(RLIMIT_CORE, 0)) != 0) return failed;
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return errno;
  failed = refuse_processes_and_sockets();
  // A kernel built without seccomp filters still has every limit above.
  return failed == EINVAL || failed == ENOSYS ? 0 : failed;
}
