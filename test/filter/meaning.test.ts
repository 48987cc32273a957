import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Disposition, Outcome, Test } from '../../src/tiers/filter/disposition.ts';
import { ERRNO } from '../../src/tiers/filter/disposition.ts';
import { type Architecture, knownCalls, syscallFilter } from '../../src/tiers/filter/filter.ts';
import { AARCH64, ARM, I386, named, problems, run, seccompData, X86_64 } from './interpreter.ts';

const ARCHITECTURES: [Architecture, number][] = [
  ['x86_64', X86_64],
  ['aarch64', AARCH64],
];
const SEED = 20250117;

for (const [arch, code] of ARCHITECTURES) {
  const program = syscallFilter(arch);
  const verdict = (nr: number, args: readonly bigint[] = [], on = code): string =>
    named(run(program, seccompData({ nr, arch: on, args })).verdict);
  const known = new Map(knownCalls(arch).map((call) => [call.nr, call.disposition]));
  const number = new Map(knownCalls(arch).map((call) => [call.name, call.nr]));

  test(`${arch}: the kernel would take the program`, () => {
    assert.deepEqual(problems(program), []);
  });

  test(`${arch}: no number and no name stands twice`, () => {
    assert.equal(known.size, knownCalls(arch).length);
    assert.equal(number.size, knownCalls(arch).length);
  });

  test(`${arch}: every number from 0 to 1023 gets what the table says, with any arguments`, () => {
    const random = mulberry32(SEED);
    for (let nr = 0; nr < 1024; nr++) {
      const disposition = known.get(nr) ?? 'ENOSYS';
      for (let i = 0; i < 100; i++) {
        const args = [0, 1, 2, 3, 4, 5].map(() => argument(random, disposition));
        const [is, should] = [verdict(nr, args), meant(disposition, args)];
        if (is !== should) assert.fail(`seed ${SEED}: ${nr}(${args}) is ${is}, not ${should}`);
      }
    }
  });

  test(`${arch}: with a gate, what starts programs is asked for, and nothing else is different`, () => {
    const gated = syscallFilter(arch, true);
    assert.deepEqual(problems(gated), []);
    const asked = knownCalls(arch, true).filter(({ disposition }) => disposition === 'notify');
    assert.deepEqual(asked.map(({ name }) => name).sort(), ['execve', 'execveat']);
    for (let nr = 0; nr < 1024; nr++) {
      const data = seccompData({ nr, arch: code, args: [0n, 0n, 0n, 0n, 0n, 0n] });
      const [is, was] = [run(gated, data).verdict, run(program, data).verdict];
      assert.equal(is, asked.some((call) => call.nr === nr) ? 0x7fc00000 : was, `${nr}`);
    }
  });

  test(`${arch}: what nobody has looked at does not exist`, () => {
    for (const nr of [335, 423, 463, 467, 470, 512, 547, 1024, 0x3fffffff])
      assert.equal(verdict(nr), 'errno 38', `${nr}`);
  });

  test(`${arch}: any other architecture ends the process, whatever it asks`, () => {
    const foreign = [I386, ARM, arch === 'x86_64' ? AARCH64 : X86_64, 0, 0xffffffff];
    for (const other of foreign) for (let nr = 0; nr < 512; nr++) assert.equal(verdict(nr, [], other), 'kill');
  });

  test(`${arch}: from any number to its verdict in at most 14 steps, arguments apart`, () => {
    const plain = [...known].filter(([, disposition]) => typeof disposition === 'string').map(([nr]) => nr);
    const steps = plain.map((nr) => run(program, seccompData({ nr, arch: code, args: [] })).steps);
    assert.ok(Math.max(...steps) <= 14, `${Math.max(...steps)}`);
  });

  const gets = (name: string, args: readonly (number | bigint)[], expected: string): void => {
    const nr = number.get(name);
    if (nr === undefined) return;
    const wide = args.map(BigInt);
    assert.equal(verdict(nr, wide), expected, `${name}(${args.join(', ')})`);
    const high = wide.map((arg) => arg | (0xdeadbeefn << 32n));
    assert.equal(verdict(nr, high), expected, `${name}(${args.join(', ')}) with the high halves set`);
  };

  test(`${arch}: the sockets of the design and no others, whatever the high halves hold`, () => {
    for (const flags of [0, 0o4000, 0o2000000, 0o2004000]) {
      for (const [domain, type, protocol] of [
        [1, 1, 0],
        [1, 2, 0],
        [1, 5, 0],
        [2, 1, 0],
        [2, 1, 6],
        [2, 2, 17],
        [10, 1, 6],
        [10, 2, 0],
        [16, 3, 0],
        [16, 2, 0],
      ] as const)
        gets('socket', [domain, type | flags, protocol], 'allow');
      for (const domain of [0, 3, 4, 9, 15, 17, 21, 29, 31, 38, 40, 42, 44, 45, 46, 4096])
        for (const type of [1, 2, 3, 5]) gets('socket', [domain, type | flags, 0], 'errno 97');
      for (const domain of [2, 10]) {
        for (const type of [0, 3, 4, 5, 6, 10]) gets('socket', [domain, type | flags, 0], 'errno 1');
        for (const protocol of [1, 33, 58, 132, 136, 255, 262])
          gets('socket', [domain, 1 | flags, protocol], 'errno 93');
      }
      for (const protocol of [1, 4, 9, 12, 15, 16, 21]) gets('socket', [16, 3 | flags, protocol], 'errno 93');
    }
    gets('socketpair', [1, 1, 0], 'allow');
    gets('socketpair', [30, 1, 0], 'errno 97');
  });

  test(`${arch}: no multicast group is joined, of which the kernel would tell the network`, () => {
    for (const option of [35, 39, 42, 46]) gets('setsockopt', [3, 0, option], 'errno 19');
    for (const option of [20, 27, 42, 46]) gets('setsockopt', [3, 41, option], 'errno 19');
    gets('setsockopt', [3, (1n << 32n) | 41n, (7n << 32n) | 20n], 'errno 19');
    for (const [level, option] of [
      [1, 2],
      [6, 1],
      [0, 20],
      [41, 35],
      [0, 36],
    ] as const)
      gets('setsockopt', [3, level, option], 'allow');
  });

  test(`${arch}: no way to type into a terminal`, () => {
    for (const request of [0x5412, 0x541c, 0x5423]) gets('ioctl', [0, request, 0], 'errno 1');
    for (const request of [0x5401, 0x540e, 0x5413, 0x541b]) gets('ioctl', [0, request, 0], 'allow');
  });

  test(`${arch}: no set-id bit on anything`, () => {
    for (const mode of [0o4755, 0o2755, 0o6000, 0o102755]) {
      for (const name of ['chmod', 'fchmod', 'creat', 'mkdir', 'mknod']) gets(name, [3, mode], 'errno 1');
      for (const name of ['fchmodat', 'fchmodat2', 'mkdirat', 'mknodat']) gets(name, [3, 0, mode], 'errno 1');
      for (const flags of [0o101, 0o20000002, 0o20200102]) {
        gets('open', [3, flags, mode], 'errno 1');
        gets('openat', [3, 0, flags, mode], 'errno 1');
      }
      gets('open', [3, 0o2, mode], 'allow');
      gets('openat', [3, 0, 0o2, mode], 'allow');
    }
    for (const name of ['chmod', 'fchmod', 'creat', 'mkdir', 'mknod']) gets(name, [3, 0o1777], 'allow');
    for (const name of ['fchmodat', 'fchmodat2', 'mkdirat']) gets(name, [3, 0, 0o1777], 'allow');
    gets('openat', [3, 0, 0o101, 0o666], 'allow');
  });

  test(`${arch}: FIFOs and sockets, no devices`, () => {
    for (const type of [0, 0o100000, 0o010000, 0o140000]) gets('mknodat', [3, 0, type | 0o644], 'allow');
    for (const type of [0o020000, 0o060000, 0o160000, 0o040000]) gets('mknodat', [3, 0, type | 0o644], 'errno 1');
  });

  test(`${arch}: threads and forks, no namespaces`, () => {
    for (const flags of [0x11, 0x4111, 0x3d0f00, 0x1200011]) gets('clone', [flags], 'allow');
    for (const bit of [17, 25, 26, 27, 28, 29, 30]) gets('clone', [0x11 + 2 ** bit], 'errno 1');
    for (const flags of [0x211, 0x4311, 0x211 + 2 ** 32]) gets('clone', [flags], 'errno 1'); // a shared working directory
    gets('clone3', [1, 88], 'errno 38');
    gets('unshare', [0x10000000], 'errno 1');
    gets('setns', [3, 0], 'errno 1');
  });

  test(`${arch}: a filter of one's own, but no listener`, () => {
    for (const flags of [0, 1, 2, 4, 0x10, 0x13]) gets('seccomp', [1, flags, 1], 'allow');
    for (const flags of [8, 9, 0x28, 0x3f]) gets('seccomp', [1, flags, 1], 'errno 1');
    for (const option of [15, 22, 38, 4, 36]) gets('prctl', [option, 2, 1], 'allow');
    gets('prctl', [35, 1, 1], 'errno 1');
  });

  test(`${arch}: a launcher can still do its work`, () => {
    const needed =
      'fork clone execve execveat setsid wait4 waitid ioctl close_range dup2 dup3 exit_group prctl capset'.split(' ');
    for (const name of needed) gets(name, [0x11, 0x540e], 'allow');
  });
}

test('x86_64: x32 ends the process, the last number included', () => {
  const program = syscallFilter('x86_64');
  for (const nr of [0x40000000, 0x40000027, 0x4000003b, 0x40000200, 0x7fffffff, 0x80000000, 0xffffffff])
    assert.equal(named(run(program, seccompData({ nr, arch: X86_64, args: [] })).verdict), 'kill');
});

/** The table read without the compiler. */
function meant(disposition: Disposition, args: readonly bigint[]): string {
  const outcome = typeof disposition === 'string' ? disposition : decided(disposition, args);
  return outcome === 'allow' || outcome === 'notify' ? outcome : `errno ${ERRNO[outcome]}`;
}

function decided(disposition: Exclude<Disposition, string>, args: readonly bigint[]): Outcome {
  const rule = disposition.rules.find(({ when }) => when.every((one) => holds(one, args)));
  return rule?.gives ?? disposition.otherwise;
}

function holds(one: Test, args: readonly bigint[]): boolean {
  const low = Number(BigInt.asUintN(32, args[one.arg] ?? 0n));
  if ('anyOf' in one) return (low & one.anyOf) !== 0;
  return one.oneOf.includes((low & one.mask) >>> 0);
}

/** Half the time a value that the rules name, sometimes with foreign bits; else any 64 bits. */
function argument(random: () => number, disposition: Disposition): bigint {
  const any = (BigInt(Math.floor(random() * 2 ** 32)) << 32n) | BigInt(Math.floor(random() * 2 ** 32));
  if (typeof disposition === 'string' || random() < 0.2) return any;
  const tests = disposition.rules.flatMap((rule) => rule.when);
  const one = tests[Math.floor(random() * tests.length)];
  if (one === undefined) return any;
  const low = 'anyOf' in one ? one.anyOf : (one.oneOf[Math.floor(random() * one.oneOf.length)] ?? 0);
  const noise = random() < 0.2 ? 1n << BigInt(Math.floor(random() * 32)) : 0n;
  const high = random() < 0.5 ? any & (0xffffffffn << 32n) : 0n;
  return high | (BigInt(low >>> 0) ^ noise);
}

function mulberry32(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}
