# Attacks on the exec gate, run inside a compartment. `race.py WAY TRIES`: somebody else changes what an exec is just being made from.
# Prints, as JSON, how often each thing came of it: good (what is allowed or approved ran), bad (what is not ran), refused, other.
# A way is what is changed, and by whom; the exec is made by posix_spawn (CLONE_VM | CLONE_VFORK: it reads our memory), but for `sibling`.
import ctypes, json, mmap, os, random, signal, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
way, wanted = sys.argv[1], int(sys.argv[2])
kept = []

def at(text):
    kept.append(ctypes.create_string_buffer(text))
    return ctypes.addressof(kept[-1])

def words(*pointers):
    return (ctypes.c_void_p * (len(pointers) + 1))(*pointers, None)

path, argv, env = at(b"/usr/bin/factor"), words(at(b"factor"), at(b"15")), words()
shared = mmap.mmap(-1, 4096)  # MAP_SHARED
swap = lambda turn: None

def texts(good, bad, where):
    return lambda turn: ctypes.memmove(where, good if turn & 1 else bad, len(good))

def renamed(good, bad, make):
    def act(turn):
        make(good if turn & 1 else bad, "next")
        os.replace("next", "it")
    return act

def script(first, name):
    with open(name, "w") as f:
        f.write(f"#!{first} 15\n")
    os.chmod(name, 0o755)

if way in ("path", "sibling"):
    path = at(b"/usr/bin/factor")
    swap = texts(b"/usr/bin/true\0\0\0", b"/usr/bin/factor\0", path)
elif way == "string":
    argv[1] = at(b"15")
    swap = texts(b"14\0", b"15\0", argv[1])
elif way == "pointer":
    both = (at(b"15"), at(b"14"))
    def swap(turn):
        argv[1] = both[turn & 1]
elif way == "shared":
    argv[1] = ctypes.addressof(ctypes.c_char.from_buffer(shared))
    swap = texts(b"14\0", b"15\0", argv[1])
elif way == "environment":
    path, argv = at(b"/usr/bin/perl"), words(at(b"perl"), at(b"-e"), at(b'print $ENV{GIT_X} ? "15:" : "14:"'))
    env = words(at(b"GIT_X=1"))
    swap = texts(b"AIT_X=1\0", b"GIT_X=1\0", env[0])
elif way == "link":
    path, swap = at(b"it"), renamed("/usr/bin/true", "/usr/bin/factor", lambda to, name: os.symlink(to, name))
elif way == "script":
    path, swap = at(b"./it"), renamed("/usr/bin/true", "/usr/bin/factor", script)
    swap(1)
elif way == "descriptor":
    files = [os.open(f"/usr/bin/{name}", os.O_PATH) for name in ("factor", "true")]
    os.dup2(files[0], 99)
    path = at(f"/proc/{os.getpid()}/fd/99".encode())
    swap = lambda turn: os.dup2(files[turn & 1], 99)
else:
    sys.exit(f"no such way: {way}")

stop = False

def flip():
    turn = 0
    while not stop:
        swap(turn)
        turn += 1
        if way in ("link", "script"):
            time.sleep(random.random() / 500)  # files: slower than memory, and no flood
        elif random.random() < 0.1:  # either may stand for a while
            time.sleep(0)

def spawned(out):
    actions = ctypes.create_string_buffer(256)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_adddup2(actions, out, 1)
    libc.posix_spawn_file_actions_adddup2(actions, null, 2)
    pid = ctypes.c_int()
    failed = libc.posix_spawn(ctypes.byref(pid), ctypes.c_void_p(path), actions, None, argv, env)
    libc.posix_spawn_file_actions_destroy(actions)
    return pid.value if failed == 0 else None

def sibling(out):
    pid = os.fork()
    if pid:
        return pid
    os.dup2(out, 1), os.dup2(null, 2)
    threading.Thread(target=flip, daemon=True).start()
    time.sleep(random.random() / 1000)
    libc.execve(ctypes.c_void_p(path), argv, env)
    os._exit(99)

swap(0)
null = os.open("/dev/null", os.O_RDWR)
sys.setswitchinterval(0.00001)
writer = None
if way == "shared":
    writer = os.fork()
    if writer == 0:
        flip()
elif way != "sibling":
    # where files are renamed, one does it; where memory is written, two do
    for _ in range(1 if way in ("link", "script", "descriptor") else 2):
        threading.Thread(target=flip, daemon=True).start()

count = {"good": 0, "bad": 0, "refused": 0, "other": 0}
start = sibling if way == "sibling" else spawned
for _ in range(wanted):
    r, w = os.pipe()
    pid = start(w)
    os.close(w)
    said, status = b"", -1
    if pid is not None:
        while some := os.read(r, 4096):
            said += some
        status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    os.close(r)
    if said.startswith(b"15:"):
        what = "bad"
    elif said.startswith(b"14:") or (said == b"" and status == 0):
        what = "good"
    else:
        what = "refused" if status == 126 and said == b"" else "other"
    count[what] += 1
stop = True
if writer:
    os.kill(writer, signal.SIGKILL)
print(json.dumps(count), flush=True)
os._exit(0)
