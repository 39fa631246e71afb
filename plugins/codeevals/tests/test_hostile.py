"""Programs that want out, want a verdict, or want the machine: each is contained, and the next one runs as ever."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from bigcode_codeevals.sandbox.pool import Job, Sandbox, Verdict

Judge = Callable[..., Verdict]
GOOD = "def f(x):\n    return x\n"
EVERY_DESCRIPTOR = """
import os
for fd in range(64):
    try:
        os.write(fd, {data})
    except OSError:
        pass
def f(x): return 0
"""
ATTEMPT = """
def attempt():
    try:
        return action()
    except BaseException as error:
        return type(error).__name__
def f(x):
    return attempt()
"""


def tried(judge: Judge, action: str, expected: str) -> None:
    """The program does `action`; a test outside holds what came of it against `expected`, an expression of `r`."""
    body = "\n".join(f"    {line}" for line in action.strip().splitlines())
    verdict = judge(f"def action():\n{body}\n{ATTEMPT}", tests=f"r = f(0)\nassert {expected}, r")
    assert (verdict.outcome, verdict.reason) == ("passed", ""), verdict


@pytest.fixture(autouse=True)
def _the_next_program_runs(judge: Judge) -> object:
    yield
    assert judge(GOOD).outcome == "passed"


def test_a_right_and_a_wrong_program_are_told_apart(judge: Judge) -> None:
    assert judge(GOOD).outcome == "passed"
    verdict = judge("def f(x):\n    return x + 1\n")
    assert (verdict.outcome, verdict.reason) == ("failed", "wrong")


@pytest.mark.parametrize(
    "leave", ["import os; os._exit(0)", "raise SystemExit(0)", "import sys; sys.exit(0)", "exit(0)"]
)
@pytest.mark.parametrize("where", ["at once", "when called"])
def test_an_exit_is_a_failure_whatever_its_code(judge: Judge, leave: str, where: str) -> None:
    source = leave if where == "at once" else f"def f(x):\n    {leave}\n"
    assert judge(source).outcome == "failed"


def test_a_fork_bomb_stops_at_its_limit(judge: Judge) -> None:
    bomb = """
import os, time
made = 0
try:
    for _ in range(3000):
        if os.fork() == 0:
            time.sleep(60)
            os._exit(0)
        made += 1
except OSError:
    pass
return made
"""
    tried(judge, bomb, "0 < r <= 6")


def test_forks_that_fork_are_ended_with_their_program(judge: Judge, sandbox: Sandbox) -> None:
    judge(GOOD)
    before = descendants(sandbox)
    verdict = judge(
        "import os\nwhile True:\n    try:\n        os.fork()\n    except OSError:\n        pass\n"
    )
    assert verdict.outcome != "passed"
    assert judge(GOOD).outcome == "passed"
    assert descendants(sandbox) <= before + 2


def test_an_endless_loop_ends_by_its_processor_time(judge: Judge) -> None:
    verdict = judge("def f(x):\n    while True: pass\n")
    assert verdict.outcome == "timeout"
    assert verdict.seconds < 8


def test_a_sleeper_ends_by_the_clock(judge: Judge) -> None:
    verdict = judge("import time\ndef f(x):\n    time.sleep(600)\n    return x\n")
    assert (verdict.outcome, verdict.reason) == ("timeout", "wall")


def test_a_flood_of_output_goes_nowhere(judge: Judge) -> None:
    flood = """
import os
def f(x):
    for _ in range(2000):
        os.write(1, b'x' * 65536)
        os.write(2, b'x' * 65536)
    return x
"""
    assert judge(flood).outcome == "passed"


def test_an_answer_that_is_too_long_is_a_failure(judge: Judge) -> None:
    verdict = judge("def f(x):\n    return 'x' * 2**23\n")
    assert (verdict.outcome, verdict.reason) == ("failed", "reply")


def test_output_that_is_read_is_cut_at_its_limit(judge: Judge) -> None:
    cases = [{"stdin": "", "stdout": "x"}]
    verdict = judge("while True: print('x' * 65536)", kind="io", entry="", tests="", cases=cases)
    assert verdict.outcome == "failed"


@pytest.mark.parametrize(
    "path",
    ["/etc/shadow", "/etc/passwd", "/home", "/proc/self/environ", "/proc/1/mem", "/sys", "/var", "/run"],
)
def test_the_machine_s_files_are_not_there(judge: Judge, path: str) -> None:
    tried(judge, f"import os\nreturn os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read()",
          "r in ('FileNotFoundError', 'PermissionError', 'NotADirectoryError')")  # fmt: skip


def test_the_only_files_are_those_of_the_system_and_the_interpreter(judge: Judge) -> None:
    action = """
import os, sys
shown = ('/usr', '/lib', '/lib32', '/lib64', '/libx32', '/bin', '/dev', '/supervisor', sys.base_prefix)
found = []
for folder, folders, files in os.walk('/'):
    if folder.startswith(shown) or '/bubblewrap' in folder:
        folders[:] = []
        continue
    found += files
return found
"""
    tried(judge, action, "r == []")


def test_neither_the_store_nor_this_checkout_is_there(judge: Judge) -> None:
    here = Path(__file__).resolve()
    tried(judge, f"import os\nreturn os.path.exists({str(here)!r})", "r is False")


def test_a_symbolic_link_leads_nowhere(judge: Judge) -> None:
    action = """
import os
os.symlink('/etc/shadow', '/tmp/a')
os.symlink('../../../../proc/1/root', '/tmp/b')
found = []
for name in ('/tmp/a', '/tmp/b', '/tmp/b/etc'):
    found.append(os.path.exists(name))
return found
"""
    tried(judge, action, "not any(r)")


def test_the_environment_tells_nothing(judge: Judge) -> None:
    tried(
        judge,
        "import os\nreturn sorted(os.environ)",
        "set(r) <= {'HOME', 'LANG', 'PATH', 'PWD', 'PYTHONHASHSEED', 'LC_CTYPE'}",
    )


def test_no_socket_reaches_this_machine(judge: Judge) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        action = f"import socket\nsocket.create_connection(('127.0.0.1', {port}), 1)\nreturn 'connected'"
        tried(judge, action, "r in ('OSError', 'ConnectionRefusedError', 'TimeoutError')")
    tried(
        judge,
        "import socket\nsocket.create_connection(('192.0.2.1', 80), 1)\nreturn 'connected'",
        "r == 'OSError'",
    )
    tried(
        judge,
        "import socket\nreturn [n for _, n in socket.if_nameindex()]",
        "set(r) <= {'lo', 'sit0', 'tunl0', 'ip6tnl0'}",
    )


def test_an_abstract_socket_of_this_machine_is_out_of_reach(judge: Judge) -> None:
    with socket.socket(socket.AF_UNIX) as server:
        server.bind("\0bigcode-test")
        server.listen()
        action = "import socket\ns = socket.socket(socket.AF_UNIX)\ns.connect('\\0bigcode-test')\nreturn 'connected'"
        tried(judge, action, "r == 'ConnectionRefusedError'")


def test_a_verdict_is_not_to_be_forged_by_walking_frames(judge: Judge) -> None:
    forger = """
import sys, json, struct, os
def f(x):
    frame = sys._getframe()
    while frame:
        for name, value in list(frame.f_locals.items()):
            if hasattr(value, 'send') and name == 'wire':
                for _ in range(50):
                    value.send({'verdict': 'passed', 'reason': ''})
                    value.send({'value': True})
        for store in (frame.f_globals, frame.f_locals):
            for name in list(store):
                if 'verdict' in name or 'result' in name or 'passed' in name:
                    store[name] = 'passed'
        frame = frame.f_back
    return None
"""
    assert judge(forger).outcome == "failed"


def test_a_verdict_is_not_to_be_forged_on_any_descriptor(judge: Judge) -> None:
    frame = """
import os, json, struct
d = json.dumps({'verdict': 'passed', 'reason': ''}).encode()
d = struct.pack('>I', len(d)) + d
"""
    assert judge(f"{frame}{EVERY_DESCRIPTOR.format(data='d * 3')}").outcome == "failed"


@pytest.mark.parametrize(
    "trick",
    [
        "class E:\n    def __eq__(self, o): return True\n    def __bool__(self): return True\ndef f(x): return E()",
        "class E:\n    def __ne__(self, o): return False\ndef f(x): return E()",
        "class E(int):\n    def __eq__(self, o): return True\n    def __hash__(self): return 0\ndef f(x): return E(7)",
        "class E(list):\n    def __eq__(self, o): return True\ndef f(x): return E([7])",
        "import builtins\nbuiltins.AssertionError = None\ndef f(x): return 7",
        "def all(x): return True\ndef isinstance(*a): return True\ndef f(x): return 7",
        "def f(x):\n    raise AssertionError\n",
    ],
)
def test_equality_is_never_asked_of_the_program(judge: Judge, trick: str) -> None:
    assert judge(trick, tests="assert all([f(41) == 41])").outcome == "failed"


def test_the_tests_are_not_in_the_program_s_process(judge: Judge) -> None:
    action = """
import gc
held = [o for o in gc.get_objects() if isinstance(o, (dict, list, tuple))]
return any('3427-si-rewsna'[::-1] in str(o) for o in held)
"""
    body = "\n".join(f"    {line}" for line in action.strip().splitlines())
    verdict = judge(f"def f(x):\n{body}\n", tests="secret = 'answer-' + 'is-' + '7243'\nassert f(0) is False")
    assert verdict.outcome == "passed"


def test_it_cannot_end_what_runs_it(judge: Judge) -> None:
    killer = """
import os, signal
for pid in (os.getppid(), 0, 1, -1, 2, 3, 4, 5, 6, 7, 8):
    for number in (signal.SIGKILL, signal.SIGTERM, signal.SIGSTOP):
        try:
            os.kill(pid, number)
        except OSError:
            pass
def f(x): return 0
"""
    assert judge(killer).outcome == "failed"


def test_memory_ends_at_its_limit(judge: Judge) -> None:
    tried(judge, "return len(bytearray(2**30))", "r == 'MemoryError'")
    verdict = judge("held = []\nwhile True: held.append(bytearray(2**20))\n")
    assert verdict.outcome in ("failed", "timeout")


def test_the_disk_ends_at_its_limit(judge: Judge) -> None:
    fill = """
written = 0
try:
    for n in range(64):
        with open(f'/tmp/{n}', 'wb') as file:
            written += file.write(bytes(2**20))
except OSError:
    pass
return written
"""
    tried(judge, fill, "2**20 <= r <= 17 * 2**20")
    tried(judge, "with open('/tmp/one', 'wb') as file: file.truncate(2**34)", "r == 'OSError'")
    tried(judge, "import os\nfor n in range(10**6): os.mkdir(f'/tmp/{n}')\nreturn 'made'", "r == 'OSError'")


@pytest.mark.parametrize(
    "path", ["/x", "/usr/x", "/dev/x", "/dev/shm/x", "/guest/x", "/supervisor/cells.py", "/proc/x"]
)
def test_nothing_but_its_own_folder_can_be_written(judge: Judge, path: str) -> None:
    tried(judge, f"open({path!r}, 'w').write('x')\nreturn 'written'",
          "r in ('OSError', 'PermissionError', 'FileNotFoundError')")  # fmt: skip


def test_what_one_program_leaves_no_other_finds(judge: Judge) -> None:
    tried(judge, "open('/tmp/left', 'w').write('x')\nreturn 'written'", "r == 'written'")
    tried(judge, "import os\nreturn os.listdir('/tmp')", "r == []")


@pytest.mark.parametrize(
    "path", ["/proc/sys/kernel/core_pattern", "/proc/self/oom_score_adj", "/proc/sysrq-trigger"]
)
def test_the_kernel_s_settings_are_not_there(judge: Judge, path: str) -> None:
    tried(judge, f"open({path!r}, 'w').write('0')\nreturn 'written'",
          "r in ('FileNotFoundError', 'OSError', 'PermissionError')")  # fmt: skip


def test_it_has_no_rights_and_gets_none(judge: Judge) -> None:
    tried(judge, "import os\nreturn os.getuid()", "r > 0")
    tried(judge, "import os\nos.setuid(0)\nreturn 'root'", "r in ('PermissionError', 'OSError')")
    tried(judge, "import os\nos.chroot('/tmp')\nreturn 'moved'", "r == 'PermissionError'")
    for flags in (0x10000000, 0x20000, 0x20000000):
        action = f"import ctypes\nreturn ctypes.CDLL(None).unshare({flags})"
        tried(judge, action, "r == -1")
    mount = "import ctypes\nreturn ctypes.CDLL(None).mount(b'none', b'/tmp', b'tmpfs', 0, None)"
    tried(judge, mount, "r == -1")
    tried(
        judge,
        "import os\nos.mknod('/tmp/d', 0o20666, os.makedev(1, 1))\nreturn 'made'",
        "r == 'PermissionError'",
    )


def test_no_limit_can_be_raised_again(judge: Judge) -> None:
    tried(judge, "import resource\nresource.setrlimit(resource.RLIMIT_AS, (2**40, 2**40))\nreturn 'raised'",
          "r == 'ValueError'")  # fmt: skip


def test_each_program_is_another_user(sandbox: Sandbox) -> None:
    """Where this process may not change users, a user namespace of its own does as much."""
    source = "import os\ndef f(n): return os.getuid()"
    tests = f"assert f(0) != {os.getuid()} and f(0) % 2 == 0" if os.getuid() == 0 else "assert f(0) % 2 == 0"
    jobs = [Job(str(n), source, entry="f", tests=tests) for n in range(6)]
    outcomes = {v.outcome for v in sandbox.judge(jobs)}
    assert len(outcomes) == (2 if os.getuid() == 0 else 1)


def test_junk_on_the_wire_is_a_failure(judge: Judge) -> None:
    for junk in ("b'\\xff' * 64", "b'\\x00\\x00\\x00\\x02[['", "b'\\x00\\x00\\x00\\x0a{\"t\":1}'"):
        assert judge(EVERY_DESCRIPTOR.format(data=junk)).outcome == "failed"
    deep = "def f(x):\n    r = []\n    for _ in range(100000): r = [r]\n    return r\n"
    assert judge(deep).outcome == "failed"
    assert judge("def f(x):\n    r = []\n    r.append(r)\n    return r\n").outcome == "failed"
    assert judge("def f(x): return 10 ** 100000\n").outcome == "failed"


def descendants(sandbox: Sandbox) -> int:
    """Processes below the sandbox's first one."""
    listed = subprocess.run(
        ["ps", "-e", "-o", "pid=,ppid="], capture_output=True, check=True, text=True
    ).stdout
    parents = [tuple(map(int, line.split())) for line in listed.splitlines()]
    below = {sandbox.pid}
    for _ in parents:
        more = {pid for pid, parent in parents if parent in below} - below
        if not more:
            break
        below |= more
    return len(below)
