import { chmodSync, mkdirSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Stand, withFleetBeside } from './stand.ts';

/** What runs outside in these tests: a program of root's, in a folder of root's, and what it says of itself. */
const TOOL = String.raw`#!/usr/bin/perl
my ($what, $n) = @ARGV;
$| = 1;
if ($what eq 'status') { print "out\n"; print STDERR "err\n"; exit $n }
if ($what eq 'signal') { kill $n, $$; sleep 5 }
if ($what eq 'say') { print join('|', @ARGV), "\n" }
if ($what eq 'cat') { while (sysread STDIN, my $x, 65536) { syswrite STDOUT, $x } }
if ($what eq 'sleep') { print "pid $$\n"; sleep $n; print "slept\n" }
if ($what eq 'daemon') {
  $SIG{TERM} = 'IGNORE';
  if (!fork) { require POSIX; POSIX::setsid(); exec 'sleep', 3000 + $n }
  print "pid $$\n"; sleep 1 while 1;
}
if ($what eq 'look') {
  print "$_=$ENV{$_}\n" for sort keys %ENV;
  print 'cwd ', readlink('/proc/self/cwd'), "\n", "ids $< $> $( $)\n";
  opendir my $d, '/proc/self/fd'; my $own = fileno $d;
  print "fd $_ ", readlink("/proc/self/fd/$_"), "\n" for sort grep { /^\d/ && $_ ne $own && -e "/proc/self/fd/$_" } readdir $d;
  open my $s, '<', '/proc/self/status'; print grep { /^(?:NoNewPrivs|SigIgn|SigBlk)/ } <$s>;
  print 'session ', (split ' ', (do { open my $f, '<', '/proc/self/stat'; <$f> } =~ s/.*\)//r))[3] == getppid() ? 'not its own' : 'its own', "\n";
}
`;

export interface Tool {
  readonly folder: string;
  readonly file: string;
  readonly fleet: string;
}

/** What is claimed of commands outside, and how it is seen. */
export type Case = readonly [claim: string, check: (stand: Stand, tool: Tool) => Promise<void>];

/** Each case in one fleet, whose agents may run the tool. */
export async function withTool(t: TestContext, cases: readonly Case[]): Promise<void> {
  const tool = makeTool();
  try {
    await withFleetBeside(tool.fleet, async (stand) => {
      for (const [claim, check] of cases) await t.test(claim, () => check(stand, tool));
    });
  } finally {
    removeTool(tool);
  }
}

/** A folder that only root can change: below /tmp nothing may be elevated. */
export function makeTool(): Tool {
  const folder = mkdtempSync('/var/lib/bh-test-elevated-');
  chmodSync(folder, 0o755);
  const file = join(folder, 'tool');
  writeFileSync(file, TOOL);
  chmodSync(file, 0o755);
  mkdirSync(join(folder, 'web'));
  return { folder, file, fleet: fleetWith(file, folder) };
}

export function removeTool({ folder }: Tool): void {
  removeTree(folder);
}

function fleetWith(tool: string, folder: string): string {
  return `
defaults:
  limits: { memory: 512M, processes: 400, cpu: 200%, disk: 64M }
agents:
  one:
    exec: { sets: [base, python] }
    ask: { wait: 2m }
    elevated:
      - run: "${tool} {what} {n}"
        with: { what: [status, signal, cat, sleep, daemon, look], n: { from: 0, to: 999 } }
        as: root
        ask: false
      - { run: "${tool} say {tag}", with: { tag: { characters: a-z0-9.-, most: 20 } }, as: nobody, ask: false }
      - { run: "${tool} say file {path}", with: { path: { below: ${folder}/web } }, as: root, ask: false }
      - { run: "${tool} say asked {n}", with: { n: { from: 0, to: 99 } }, as: root }
      - { run: "${tool} sleep 555", as: root }
      - { run: "${tool} look nobody", as: nobody, ask: false }
      - { run: "${tool} daemon late", as: root, ask: false, time: 1s }
  two:
    exec: { sets: [base, python] }
    ask: { wait: 3m }
    elevated:
      - { run: "${tool} say long", as: root }
      - { run: "${tool} say two", as: root, ask: false }
  brief:
    exec: { sets: [base, python] }
    ask: { wait: 3s }
    elevated: [{ run: "${tool} say asked {n}", with: { n: { from: 0, to: 99 } }, as: root }]
  none:
    exec: { sets: [base, python] }
`;
}

export interface OutsideEntry {
  readonly event: string;
  readonly agent: string;
  readonly argv: readonly string[];
  readonly run?: number;
  readonly status?: number;
  readonly how?: string;
  readonly ms?: number;
  readonly why?: string;
}

/** What the ledger has of commands outside. */
export async function outside(stand: Stand, last = 400): Promise<OutsideEntry[]> {
  const { json } = await stand.bulkhead(['ledger', 'tail', '-n', String(last), '--json']);
  return json.entries.filter(({ event }: { event: string }) => event.startsWith('elevated.'));
}
