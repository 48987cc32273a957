# `crowd.py PROGRAM WORD COUNT AT_ONCE`: so many processes that each execute it, as many at once as may be. Prints how each ended, counted.
import collections, os, sys, time

program, word, count, at_once = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
ended = collections.Counter()
ran = 0
while count > 0:
    wave = min(count, at_once)
    count -= wave
    go, start = os.pipe()
    out, into = os.pipe()
    pids = []
    for _ in range(wave):
        pid = os.fork()
        if pid == 0:
            os.close(start)
            os.read(go, 1)  # all of a wave at one moment
            os.dup2(into, 1)
            os.dup2(os.open("/dev/null", os.O_WRONLY), 2)
            try:
                os.execve(program, [os.path.basename(program), word], {})
            except OSError as error:
                os._exit(200 + error.errno % 50)
        pids.append(pid)
    os.close(go), os.close(start), os.close(into)
    said = b""
    while some := os.read(out, 65536):
        said += some
    os.close(out)
    ran += said.count(b"15:")
    for pid in pids:
        ended[os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])] += 1
print(ran, *(f"{status}x{times}" for status, times in sorted(ended.items())), flush=True)
