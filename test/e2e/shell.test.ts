import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { BULKHEAD } from './command.ts';
import { NOT_ROOT, type Stand, withFleet } from './stand.ts';

const ONE = `
defaults:
  limits: { memory: 128M, processes: 64, cpu: 200%, disk: 64M }
  exec: { sets: [base, python] }
agents:
  one: {}
`;

/** Sits at a terminal of the host as a person would (pty(7), termios(3)). Reads lines of JSON: {type}, {wait}, {rows, columns},
 *  {signal}, {eof}; says what was on the screen, how it ended, and whether the terminal is as it was. Only the host needs Python. */
const PERSON = `
import json, os, pty, select, signal, sys, termios, time, fcntl, struct, re
argv, script = json.loads(sys.argv[1]), json.loads(sys.argv[2])
master, slave = pty.openpty()
fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))
before = termios.tcgetattr(slave)
pid = os.fork()
if pid == 0:
    os.setsid(); fcntl.ioctl(slave, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2): os.dup2(slave, fd)
    os.close(master); os.environ['TERM'] = 'xterm'
    os.execv(argv[0], argv)
screen, seen, late = b'', 0, time.time() + 60
def more(seconds):
    global screen
    if select.select([master], [], [], seconds)[0]: screen += os.read(master, 65536)
missing = None
for step in script:
    if 'type' in step: os.write(master, step['type'].encode())
    if 'rows' in step: fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack('HHHH', step['rows'], step['columns'], 0, 0)); os.killpg(pid, signal.SIGWINCH)
    if 'signal' in step: os.kill(pid, getattr(signal, step['signal']))
    while 'wait' in step:
        found = re.search(step['wait'].encode(), screen[seen:])
        if found: seen += found.end(); break
        if time.time() > late: missing = step['wait']; break
        more(0.1)
    if missing: break
status = None
while status is None:
    done, raw = os.waitpid(pid, os.WNOHANG)
    if done: status = raw
    more(0.05)
    if not done and time.time() > late + 5: os.kill(pid, signal.SIGKILL)
print(json.dumps({'screen': screen.decode('utf8', 'replace'), 'status': os.waitstatus_to_exitcode(status), 'missing': missing,
  'restored': termios.tcgetattr(slave)[:6] == before[:6]}))`;

type Step = { readonly [key: string]: string | number };
interface Sat {
  readonly screen: string;
  readonly status: number;
  readonly missing: string | null;
  readonly restored: boolean;
}

async function sit({ state }: Stand, args: readonly string[], script: readonly Step[]): Promise<Sat> {
  const argv = [BULKHEAD, args[0], '--state', state, ...args.slice(1)];
  const child = spawn('python3', ['-c', PERSON, JSON.stringify(argv), JSON.stringify(script)], { stdio: 'pipe' });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => (out += chunk.toString('utf8')));
  child.stderr.on('data', (chunk: Buffer) => (err += chunk.toString('utf8')));
  await new Promise((resolve) => child.once('close', resolve));
  assert.notEqual(out, '', err);
  const sat = JSON.parse(out) as Sat;
  assert.equal(sat.missing, null, sat.screen);
  return sat;
}

const PROMPT = 'one:.*\\$ ';
const CASES: readonly (readonly [claim: string, check: (stand: Stand) => Promise<void>])[] = [
  ['a shell has a prompt, a terminal of the size of ours, and its exit is ours', ends],
  ['it follows when our terminal changes its size', resizes],
  ['Ctrl-C ends what runs and not the shell', interrupts],
  ['jobs are stopped, listed and brought back', jobs],
  ['a program on the whole screen gets keys as they are', raw],
  ['what is typed ahead to a program that does not read blocks nothing', ahead],
  ['nobody can type into the terminal for us', injects],
  ['a command line that is killed takes the shell with it', killed],
];

test('shell', { skip: NOT_ROOT }, async (t) => {
  await withFleet(ONE, async (stand) => {
    for (const [claim, check] of CASES) await t.test(claim, () => check(stand));
  });
});

async function ends(stand: Stand): Promise<void> {
  const { status, restored, screen } = await sit(
    stand,
    ['shell', 'one'],
    [
      { wait: PROMPT },
      {
        type: 'stty size; tty; id -u; pwd; echo $TERM\n',
        wait: '24 80\\r\\n/dev/pts/\\d+\\r\\n\\d+\\r\\n/workspace\\r\\nxterm',
      },
      { wait: PROMPT, type: 'exit 43\n' },
    ],
  );
  assert.deepEqual([status, restored], [43, true], screen);
}

/** Said by a program: bash itself loses now and then a trap of this signal that comes while it shows its prompt. */
async function resizes(stand: Stand): Promise<void> {
  const program = 'trap \'stty size\' WINCH; echo be""gun; while :; do sleep 0.1; done';
  await sit(
    stand,
    ['shell', 'one'],
    [
      { wait: PROMPT },
      { type: `sh -c "${program.replaceAll('"', '\\"')}"\n`, wait: 'begun' },
      { rows: 50, columns: 132, wait: '50 132' },
      { type: '\x03', wait: PROMPT },
      { type: 'exit\n' },
    ],
  );
}

async function interrupts(stand: Stand): Promise<void> {
  const { status } = await sit(
    stand,
    ['shell', 'one'],
    [
      { wait: PROMPT },
      // Said by the program itself, which is in the foreground by then; what comes before that is the shell's to handle.
      { type: 'sh -c \'echo be""gun; exec sleep 100\'\n', wait: 'begun' },
      { type: '\x03', wait: PROMPT },
      { type: 'echo status $?\n', wait: 'status 130' },
      { wait: PROMPT },
      { type: '\x04' },
    ],
  );
  assert.ok([0, 130].includes(status));
}

/** What is typed before the program has the terminal again would be the shell's; `fg` shows its text, so no word that is waited for stands in it. */
async function jobs(stand: Stand): Promise<void> {
  const program =
    'import os, signal, sys; signal.signal(signal.SIGCONT, lambda *_: os.write(1, b"went " + b"on\\n")); print("be" + "gun", flush=True); [print("got", line, end="", flush=True) for line in sys.stdin]';
  await sit(
    stand,
    ['shell', 'one'],
    [
      { wait: PROMPT },
      { type: `python3 -c '${program}'\n`, wait: 'begun' },
      { type: 'one\n', wait: 'got one' },
      { type: '\x1a', wait: 'Stopped' },
      { wait: PROMPT },
      { type: 'jobs\n', wait: 'Stopped.*python3' },
      { wait: PROMPT },
      { type: 'fg\n', wait: 'went on' },
      { type: 'again\n', wait: 'got again' },
      { type: '\x04', wait: PROMPT },
      { type: 'exit\n' },
    ],
  );
}

/** A bare line feed stays one: such programs move the cursor with it. */
async function raw(stand: Stand): Promise<void> {
  const script =
    'import sys,tty,os; tty.setraw(0); os.write(1, b"rea\\ndy"); print(repr(os.read(0, 3)), repr(os.read(0, 1)), repr(os.read(0, 1)))';
  await sit(
    stand,
    ['run', 'one', '--', 'python3', '-c', script],
    [
      { wait: 'rea\ndy' },
      { type: '\x1b[A', wait: '' },
      { type: '\x03' },
      { type: '\x1a', wait: "x1b\\[A' b'\\\\x03' b'\\\\x1a'" },
    ],
  );
}

async function ahead(stand: Stand): Promise<void> {
  const script =
    'import sys,tty,os,time; tty.setraw(0); print("ready\\r", flush=True); [(print("tick%d\\r" % i, flush=True), time.sleep(0.2)) for i in range(8)]';
  await sit(
    stand,
    ['run', 'one', '--', 'python3', '-c', script],
    [{ wait: 'ready' }, ...Array.from({ length: 2 }, (): Step => ({ type: 'x'.repeat(3000) })), { wait: 'tick7' }],
  );
}

/** TIOCSTI (ioctl_tty(2)) types into a terminal; TIOCLINUX pastes on a console. */
async function injects(stand: Stand): Promise<void> {
  const script =
    'import fcntl\nfor r in (0x5412, 0x541c, (1 << 32) | 0x5412):\n try: fcntl.ioctl(0, r & 0xffffffff, b"x"); print("typed")\n except OSError as e: print("errno", e.errno)';
  const { screen } = await sit(
    stand,
    ['run', 'one', '--', 'python3', '-c', script],
    [{ wait: 'errno 1\\r\\nerrno 1\\r\\nerrno 1' }],
  );
  assert.doesNotMatch(screen, /typed/);
}

async function killed(stand: Stand): Promise<void> {
  const program = 'echo be""gun; exec sleep 555';
  await sit(
    stand,
    ['shell', 'one'],
    [{ wait: PROMPT }, { type: `sh -c '${program}'\n`, wait: 'begun' }, { signal: 'SIGTERM' }],
  );
  for (const late = Date.now() + 30_000; ; await sleep(200)) {
    const { stdout } = await stand.run('one', ['sh', '-c', 'cat /proc/[0-9]*/cmdline | tr "\\0" " "']);
    if (!stdout.includes('sleep 555')) break;
    assert.ok(Date.now() < late, 'the shell, or what it ran, is still there');
  }
}
