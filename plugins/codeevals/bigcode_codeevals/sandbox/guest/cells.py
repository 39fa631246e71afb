"""Forks a cell for each program: a process with a user, namespaces and a folder of its own.

Started as `cells.py FD LIMITS` in the outer sandbox, which shows it no network and no file that could be written.
A request on the descriptor is a frame with the number of a user (0: stay) and two descriptors: the program's socket,
and where the cell tells its process id and, when it has ended, how.

This is the inner of two walls, made of the calls that bubblewrap makes (unshare, mount, prctl, capset), without the
cost of starting an interpreter for each program: what common programs import is loaded before the forks.
"""

from __future__ import annotations

import ctypes
import gc
import importlib
import json
import os
import signal
import socket
import struct
import sys
from collections.abc import Mapping
from typing import Any

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import candidate
from literals import Wire

_LOADED = (
    "bisect", "collections", "contextlib", "copy", "dataclasses", "datetime", "decimal", "enum", "fractions",
    "functools", "hashlib", "heapq", "io", "itertools", "json", "math", "operator", "random", "re", "statistics",
    "string", "time", "typing",
)  # fmt: skip

_NEW_NS, _NEW_UTS, _NEW_IPC = 0x00020000, 0x04000000, 0x08000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000
_PDEATHSIG, _DUMPABLE, _NO_NEW_PRIVS = 1, 4, 38
_READ_ONLY, _NO_SUID, _NO_DEV = 1, 2, 4
_CAPABILITY_VERSION = 0x20080522
libc = ctypes.CDLL(None, use_errno=True)


def call(name: str, *args: Any) -> None:
    """A system call that must succeed."""
    if getattr(libc, name)(*args) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def write(path: str, text: str) -> None:
    descriptor = os.open(path, os.O_WRONLY)
    try:
        os.write(descriptor, text.encode())
    finally:
        os.close(descriptor)


def wall_off(uid: int, disk: int) -> None:
    """Leave everything but the files that the outer sandbox shows, read-only.

    Raises:
        OSError: when a step is refused; the program is then not run.
    """
    if uid:
        os.setgroups([])
        os.setresgid(uid, uid, uid)
        os.setresuid(uid, uid, uid)
        call("prctl", _DUMPABLE, 1, 0, 0, 0)
    user, group = os.getuid(), os.getgid()
    call("unshare", _NEW_USER | _NEW_NS | _NEW_PID | _NEW_NET | _NEW_IPC | _NEW_UTS)
    write("/proc/self/setgroups", "deny")
    write("/proc/self/uid_map", f"{user} {user} 1")
    write("/proc/self/gid_map", f"{group} {group} 1")
    call("sethostname", b"sandbox", 7)
    write("/proc/sys/user/max_user_namespaces", "0")
    flags = ctypes.c_ulong(_NO_SUID | _NO_DEV)
    call("mount", b"tmpfs", b"/tmp", b"tmpfs", flags, f"size={disk},nr_inodes=4096,mode=0700".encode())
    sealed = ctypes.c_ulong(_NO_SUID | _NO_DEV | _READ_ONLY)
    call("mount", b"tmpfs", b"/proc", b"tmpfs", sealed, b"size=4k,nr_inodes=2")


def give_up_rights() -> None:
    """Keep no capability, gain none, and end with the parent."""
    call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    call("prctl", _NO_NEW_PRIVS, 1, 0, 0, 0)
    header = struct.pack("<Ii", _CAPABILITY_VERSION, 0)
    call("capset", header, bytes(24))


def cell(uid: int, limits: Mapping[str, Any], program: int, status: int) -> None:
    """Runs the program in a child that is the first process of its namespace, and reports its end."""
    try:
        # A signal to a process group reaches across namespaces: both processes of a cell have groups of their own.
        os.setsid()
        wall_off(uid, limits["disk"])
        child = os.fork()
    except OSError as error:
        os.write(status, json.dumps({"broken": str(error)}).encode() + b"\n")
        os._exit(1)
    if child == 0:
        try:
            os.setsid()
            give_up_rights()
            null = os.open("/dev/null", os.O_RDWR)
            os.dup2(program, 3)
            for standard in range(3):
                os.dup2(null, standard)
            os.closerange(4, 256)
            os.chdir("/tmp")
            candidate.limit(limits)
        except BaseException:
            os._exit(1)
        candidate.serve(socket.socket(fileno=3))
        os._exit(0)
    os.close(program)
    os.write(status, json.dumps({"pid": child}).encode() + b"\n")
    _, code, used = os.wait4(child, 0)
    spent = used.ru_utime + used.ru_stime
    said = {"code": os.waitstatus_to_exitcode(code), "cpu": spent}
    try:
        os.write(status, json.dumps(said).encode() + b"\n")
    except OSError:
        pass
    os._exit(0)


def main() -> None:
    control = socket.socket(fileno=int(sys.argv[1]))
    limits = json.loads(sys.argv[2])
    for name in _LOADED:
        importlib.import_module(name)
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    wire = Wire(control)
    gc.collect()
    gc.freeze()
    wire.send("ready")
    while True:
        _, descriptors, _, _ = socket.recv_fds(control, 1, 2)
        if len(descriptors) != 2:
            os._exit(0)
        uid = wire.receive()
        if os.fork() == 0:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            control.close()
            cell(uid, limits, *descriptors)
        for descriptor in descriptors:
            os.close(descriptor)


if __name__ == "__main__":
    main()
