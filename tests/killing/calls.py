"""Which system calls change something, by their numbers on x86-64, and where they say what.

Whoever calls anything that is in neither list makes the sweep stop: a state-changing call that
nobody wrote down would be one that nobody is killed at.
"""

import os
from typing import NamedTuple

WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC
AT = -100  # AT_FDCWD: relative to the working directory


class Kind(NamedTuple):
    """A call: its number, which argument is a descriptor, which a path, which the open flags.

    A path is relative to the folder in argument `fd`, or to the working directory without one.
    """

    number: int
    fd: int | None = None
    path: int | None = None
    flags: int | None = None


CHANGING = {
    "open": Kind(2, path=0, flags=1),
    "creat": Kind(85, path=0),
    "openat": Kind(257, fd=0, path=1, flags=2),
    "openat2": Kind(437, fd=0, path=1),
    "write": Kind(1, fd=0),
    "pwrite64": Kind(18, fd=0),
    "writev": Kind(20, fd=0),
    "pwritev": Kind(296, fd=0),
    "pwritev2": Kind(328, fd=0),
    "sendfile": Kind(40, fd=0),
    "copy_file_range": Kind(326, fd=2),
    "splice": Kind(275, fd=2),
    "truncate": Kind(76, path=0),
    "ftruncate": Kind(77, fd=0),
    "fallocate": Kind(285, fd=0),
    "fsync": Kind(74, fd=0),
    "fdatasync": Kind(75, fd=0),
    "sync": Kind(162),
    "syncfs": Kind(306, fd=0),
    "sync_file_range": Kind(277, fd=0),
    "msync": Kind(26),
    "mkdir": Kind(83, path=0),
    "mkdirat": Kind(258, fd=0, path=1),
    "mknod": Kind(133, path=0),
    "mknodat": Kind(259, fd=0, path=1),
    "rmdir": Kind(84, path=0),
    "unlink": Kind(87, path=0),
    "unlinkat": Kind(263, fd=0, path=1),
    "rename": Kind(82, path=0),
    "renameat": Kind(264, fd=0, path=1),
    "renameat2": Kind(316, fd=0, path=1),
    "link": Kind(86, path=1),
    "linkat": Kind(265, fd=2, path=3),
    "symlink": Kind(88, path=1),
    "symlinkat": Kind(266, fd=1, path=2),
    "chmod": Kind(90, path=0),
    "fchmod": Kind(91, fd=0),
    "fchmodat": Kind(268, fd=0, path=1),
    "fchmodat2": Kind(452, fd=0, path=1),
    "chown": Kind(92, path=0),
    "fchown": Kind(93, fd=0),
    "fchownat": Kind(260, fd=0, path=1),
    "utimensat": Kind(280, fd=0, path=1),
    "setxattr": Kind(188, path=0),
    "fsetxattr": Kind(190, fd=0),
    "bind": Kind(49),  # of the supervisor's socket: a name in the home
    "ioctl": Kind(16, fd=0),  # only FICLONE, which shares the blocks of another file
    "sendto": Kind(44, fd=0),
    "sendmsg": Kind(46, fd=0),
    "clone": Kind(56),
    "clone3": Kind(435),
    "fork": Kind(57),
    "vfork": Kind(58),
    "kill": Kind(62),
    "pidfd_send_signal": Kind(424),
}
"""What is traced. Of these, `changes` in points.py says which really change something."""

NAMES = {kind.number: name for name, kind in CHANGING.items()}
FICLONE = 0x40049409
ON_FILES = frozenset(CHANGING) - {
    "sendto", "sendmsg", "clone", "clone3", "fork", "vfork", "kill", "pidfd_send_signal", "bind",
}  # fmt: skip
"""Those that a file system answers: it may fail or be full."""

HARMLESS = frozenset({
    "accept", "accept4", "access", "alarm", "arch_prctl", "brk", "capget", "chdir",
    "clock_gettime", "clock_nanosleep", "close", "close_range", "connect", "dup", "dup2",
    "dup3", "epoll_create1", "epoll_ctl", "epoll_pwait", "epoll_wait", "eventfd2", "execve",
    "exit", "exit_group", "faccessat", "faccessat2", "fadvise64", "fchdir", "fcntl", "flock",
    "fstat", "fstatfs", "futex", "getcwd", "getdents64", "getegid", "geteuid", "getgid",
    "getpeername", "getpgid", "getpgrp", "getpid", "getppid", "getpriority", "getrandom",
    "getresgid", "getresuid", "getrlimit", "getrusage", "getsid", "getsockname", "getsockopt",
    "gettid", "gettimeofday", "getuid", "inotify_add_watch", "inotify_init1",
    "inotify_rm_watch", "listen", "lseek", "lstat", "madvise", "mbind", "membarrier", "mmap",
    "mprotect", "mremap", "munmap", "newfstatat", "pidfd_open", "pipe", "pipe2", "poll",
    "ppoll", "prctl", "pread64", "preadv", "prlimit64", "pselect6", "read", "readlink",
    "readlinkat", "readv", "recvfrom", "recvmsg", "restart_syscall", "rseq", "rt_sigaction",
    "rt_sigpending", "rt_sigprocmask", "rt_sigreturn", "rt_sigsuspend", "rt_sigtimedwait",
    "sched_getaffinity", "sched_yield", "select", "set_robust_list", "set_tid_address",
    "setitimer", "setpgid", "setsid", "setsockopt", "shutdown", "sigaltstack", "socket",
    "socketpair", "stat", "statfs", "statx", "sysinfo", "tgkill", "time", "times", "umask",
    "uname", "wait4", "waitid",
})  # fmt: skip
"""What else a run was seen to call, and a few of their kin: none of it leaves a trace on a disk, in
another process, or in a lock that outlives its holder."""
