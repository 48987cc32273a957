# Starts a program by the other ways into an x86-64 kernel, inside a compartment: int 0x80 (i386), x32, and the ordinary one as the control.
# Prints the way, and how the child that tried ended.
import ctypes, mmap, os, struct

room = mmap.mmap(-1, 4096, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS | 0x40, prot=7)  # MAP_32BIT: i386 sees 32 bits of a pointer
base = ctypes.addressof(ctypes.c_char.from_buffer(room))

def code(enter, number):
    """execve(path, argv, environment); exit(errno)."""
    text, path, arg, argv = 0, 256, 288, 512
    room[path:path + 16] = b"/usr/bin/factor\0"
    room[arg:arg + 3] = b"15\0"
    words = (base + path, base + arg, 0)
    packed = struct.pack("<3I", *words) if enter == "int" else struct.pack("<3Q", *words)
    room[argv:argv + len(packed)] = packed
    if enter == "int":
        made = b"\xb8" + struct.pack("<I", number) + b"\xbb" + struct.pack("<I", base + path) + b"\xb9" + struct.pack("<I", base + argv)
        made += b"\xba" + struct.pack("<I", base + argv + 8) + b"\xcd\x80"
    else:
        made = b"\xb8" + struct.pack("<I", number) + b"\x48\xbf" + struct.pack("<Q", base + path) + b"\x48\xbe" + struct.pack("<Q", base + argv)
        made += b"\x48\xba" + struct.pack("<Q", base + argv + 16) + b"\x0f\x05"
    made += b"\xf7\xd8\xc3"  # neg eax; ret
    room[text:text + len(made)] = made
    return ctypes.CFUNCTYPE(ctypes.c_int)(base)

assert base < 1 << 32
for name, enter, number in (("x86-64", "syscall", 59), ("i386", "int", 11), ("x32", "syscall", 0x40000000 + 520), ("x32-native", "syscall", 0x40000000 + 59), ("x32-at", "syscall", 0x40000000 + 545)):
    call = code(enter, number)
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.dup2(write, 1)
        os._exit(call() & 255)
    os.close(write)
    status = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    said = os.read(read, 100)
    print(name, "ran" if said.startswith(b"15:") else "did-not-run", status, flush=True)
