# What a process of the same agent can do to another: `look.py PID`. One line a try, "held" or what it got.
import ctypes, os, sys

libc = ctypes.CDLL(None, use_errno=True)
pid = int(sys.argv[1])

def tried(name, act):
    try:
        got = act()
    except OSError as error:
        print(name, "held", os.strerror(error.errno))
    else:
        print(name, "GOT", repr(got)[:60])

def must(result):
    if result < 0:
        raise OSError(ctypes.get_errno(), "refused")
    return result

def reading(name, mode="rb"):
    def act():
        with open(f"/proc/{pid}/{name}", mode, buffering=0) as f:
            return f.read(16)
    return act

for name in ("mem", "environ", "auxv", "maps", "stack", "syscall", "pagemap"):
    tried(f"read-{name}", reading(name))
tried("write-mem", lambda: open(f"/proc/{pid}/mem", "r+b", buffering=0))
for name in ("exe", "cwd", "root", "fd/250", "fd/0", "ns/user"):
    tried(f"link-{name}", lambda: os.readlink(f"/proc/{pid}/{name}"))
tried("list-fd", lambda: os.listdir(f"/proc/{pid}/fd"))
def start():
    child = os.fork()
    if child == 0:
        try:
            os.execv(f"/proc/{pid}/exe", ["factor", "15"])
        except OSError as error:
            os._exit(error.errno)
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    if status:
        raise OSError(status, "refused")

tried("exec-exe", start)
NR = {"ptrace": 101, "process_vm_writev": 311, "pidfd_getfd": 438, "process_madvise": 440, "prlimit64": 302, "kcmp": 312, "move_pages": 279, "migrate_pages": 256}
tried("ptrace", lambda: must(libc.syscall(NR["ptrace"], 0x4206, pid, 0, 0)))
tried("process_vm_writev", lambda: must(libc.syscall(NR["process_vm_writev"], pid, 0, 0, 0, 0, 0)))
tried("pidfd_getfd", lambda: must(libc.syscall(NR["pidfd_getfd"], os.pidfd_open(pid), 250, 0)))
tried("prlimit", lambda: must(libc.syscall(NR["prlimit64"], pid, 7, 0, ctypes.create_string_buffer(16))))
tried("kcmp", lambda: must(libc.syscall(NR["kcmp"], pid, os.getpid(), 2, 0, 0)))
