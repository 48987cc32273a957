import type { Run } from './call.ts';
import { SECRETS } from './table-secrets.ts';

/** Every command there is. What is not here is not in --help; a module is read from disk only when its command is asked for. */
export interface Entry {
  /** `status`, or two words for one of a family: `ledger tail`. */
  readonly name: string;
  readonly group: Group;
  /** As in a usage line: `<agent>`, `[agent]`, `<command...>`. */
  readonly operands?: string;
  /** How a usage line says it, where the operands alone say too little. */
  readonly reads?: string;
  readonly options?: readonly Option[];
  /** One line. */
  readonly summary: string;
  readonly examples?: readonly string[];
  readonly load: () => Promise<{ run: Run }>;
}

export interface Option {
  /** `-n, --last <n>`; the long name, in camel case, is its key in `options`. */
  readonly flags: string;
  readonly summary: string;
}

export const GROUPS = ['the fleet', 'an agent', 'questions', 'secrets', 'proof and record', 'this machine'] as const;
export type Group = (typeof GROUPS)[number];

export const GLOBAL: readonly Option[] = [
  { flags: '--json', summary: 'one JSON document on stdout' },
  {
    flags: '--state <dir>',
    summary: 'where the fleet is (BULKHEAD_STATE, else /var/lib/bulkhead or yours)',
  },
];

/** For the commands that read a fleet.yaml; all others work on the fleet last applied. */
export const FILE: Option = { flags: '-f, --file <file>', summary: 'the fleet file (./fleet.yaml)' };

const FOLLOW: Option = { flags: '-f, --follow', summary: 'go on with what comes' };
const FOR: Option = { flags: '--for <time>', summary: 'for so long from now: 90s, 30m, 8h, 7d' };
const ALWAYS: Option = { flags: '--always', summary: 'until it is revoked, for exactly this' };
const ALL: Option = { flags: '--all', summary: 'every agent of the fleet' };

export const TABLE: readonly Entry[] = [
  {
    name: 'plan',
    group: 'the fleet',
    options: [
      FILE,
      { flags: '--sudoers', summary: 'print elevated commands as a policy for sudo, for machines that must use it' },
    ],
    summary: 'every change that up would make, as text; nothing is changed',
    load: () => import('./commands/plan.ts'),
  },
  {
    name: 'up',
    group: 'the fleet',
    options: [FILE, { flags: '--let-go', summary: 'delete what agents that are no longer in the file have stored' }],
    summary: 'put the fleet up as its file says, and measure it',
    examples: ['bulkhead up -f examples/studio/fleet.yaml'],
    load: () => import('./commands/up.ts'),
  },
  {
    name: 'down',
    group: 'the fleet',
    options: [{ flags: '--purge', summary: 'leave nothing of the fleet: disks, users and the record go too' }],
    summary: 'end every agent and our programs',
    load: () => import('./commands/down.ts'),
  },
  {
    name: 'status',
    group: 'the fleet',
    options: [{ flags: '--probe', summary: 'measure every wall now, instead of showing the last measurement' }],
    summary: 'agents, and their walls as measured',
    examples: ['bulkhead status --probe'],
    load: () => import('./commands/status.ts'),
  },
  {
    name: 'map',
    group: 'the fleet',
    operands: '[agent]',
    summary: 'what an agent can read, write, run and reach: its blast radius',
    examples: ['bulkhead map coder'],
    load: () => import('./commands/map.ts'),
  },
  {
    name: 'usage',
    group: 'the fleet',
    operands: '[agent]',
    options: [{ flags: '--days <n>', summary: 'today and the days before it (1)' }],
    summary: 'requests, bytes, runs, tokens and money, day by day, and budgets',
    examples: ['bulkhead usage coder --days 7'],
    load: () => import('./commands/usage.ts'),
  },
  {
    name: 'run',
    group: 'an agent',
    operands: '<agent> <command...>',
    reads: '<agent> -- <command...>',
    summary: 'one command in the compartment of an agent, as the agent',
    examples: ['bulkhead run coder -- git status'],
    load: () => import('./commands/run.ts'),
  },
  {
    name: 'shell',
    group: 'an agent',
    operands: '<agent>',
    summary: 'a shell in the compartment of an agent, as the agent',
    load: () => import('./commands/shell.ts'),
  },
  {
    name: 'logs',
    group: 'an agent',
    operands: '<agent|program>',
    options: [
      FOLLOW,
      { flags: '-n, --last <n>', summary: 'the last n lines (100)' },
      { flags: '--tried', summary: 'what the agent was refused, by what it tried, with the line that would allow it' },
    ],
    summary: 'what an agent, or one of our programs, has written',
    examples: ['bulkhead logs coder -f', 'bulkhead logs coder --tried', 'bulkhead logs gateway'],
    load: () => import('./commands/logs.ts'),
  },
  {
    name: 'pause',
    group: 'an agent',
    operands: '[agent]',
    reads: '<agent>|--all',
    options: [ALL],
    summary: 'freeze an agent where it is; its connections stay open and wait',
    examples: ['bulkhead pause --all'],
    load: () => import('./commands/pause.ts'),
  },
  {
    name: 'resume',
    group: 'an agent',
    operands: '[agent]',
    reads: '<agent>|--all',
    options: [ALL],
    summary: 'let a paused agent go on',
    load: () => import('./commands/resume.ts'),
  },
  {
    name: 'stop',
    group: 'an agent',
    operands: '[agent]',
    reads: '<agent>|--all',
    options: [ALL],
    summary: 'end an agent and everything it started',
    load: () => import('./commands/stop.ts'),
  },
  {
    name: 'restart',
    group: 'an agent',
    operands: '[agent]',
    reads: '<agent>|--all',
    options: [ALL],
    summary: 'end an agent, then start it in a fresh compartment',
    load: () => import('./commands/restart.ts'),
  },
  // ---- questions
  {
    name: 'approvals',
    group: 'questions',
    options: [
      { flags: '--watch', summary: 'go on with every question and answer as it comes' },
      { flags: '--all', summary: 'also those that have been answered, or were not in time' },
    ],
    summary: 'what waits for an answer, shown as it would run',
    examples: ['bulkhead approvals --watch'],
    load: () => import('./commands/approvals.ts'),
  },
  {
    name: 'approvals suggest',
    group: 'questions',
    options: [{ flags: '--apply <id>', summary: 'write that line into the fleet file; up puts it in force' }, FILE],
    summary: 'lines for fleet.yaml, from what was approved',
    load: () => import('./commands/approvals-suggest.ts'),
  },
  {
    name: 'approve',
    group: 'questions',
    operands: '<id>',
    options: [FOR, ALWAYS],
    summary: 'yes, for one attempt within an hour, or as long as you say',
    examples: ['bulkhead approve 3', 'bulkhead approve 3 --for 8h'],
    load: () => import('./commands/approve.ts'),
  },
  {
    name: 'deny',
    group: 'questions',
    operands: '<id>',
    options: [FOR, ALWAYS],
    summary: 'no, this once, or as long as you say',
    examples: ['bulkhead deny 3 --always'],
    load: () => import('./commands/deny.ts'),
  },
  {
    name: 'grants',
    group: 'questions',
    summary: 'the answers that are in force',
    load: () => import('./commands/grants.ts'),
  },
  {
    name: 'revoke',
    group: 'questions',
    operands: '<id>',
    summary: 'take an answer back, end what runs under it, test it',
    load: () => import('./commands/revoke.ts'),
  },
  ...SECRETS,
  // ---- proof and record
  {
    name: 'drill',
    group: 'proof and record',
    operands: '[agent]',
    options: [{ flags: '--junit <file>', summary: 'also write the results as a JUnit report' }],
    summary: 'attacks from inside every compartment, and tests of what must work',
    examples: ['bulkhead drill coder', 'bulkhead drill --junit drill.xml'],
    load: () => import('./commands/drill.ts'),
  },
  {
    name: 'ledger tail',
    group: 'proof and record',
    options: [
      { flags: '-n, --last <n>', summary: 'the last n entries (20)' },
      FOLLOW,
      { flags: '--agent <agent>', summary: 'only what this agent did' },
      { flags: '--event <event>', summary: 'only this event, for example egress.denied' },
    ],
    summary: 'the last entries of the record',
    examples: ['bulkhead ledger tail -f --event egress.denied'],
    load: () => import('./commands/ledger-tail.ts'),
  },
  {
    name: 'ledger verify',
    group: 'proof and record',
    operands: '[dir]',
    options: [
      { flags: '--checkpoint <file>', summary: 'a signed head kept elsewhere, which the record must continue' },
      { flags: '--key <file>', summary: 'the verifier key, kept elsewhere, instead of the one beside the record' },
    ],
    summary: 'whether the record, or a copy of it in dir, is whole; works offline',
    examples: ['bulkhead ledger verify /media/backup/ledger --checkpoint head.txt'],
    load: () => import('./commands/ledger-verify.ts'),
  },
  {
    name: 'ledger export',
    group: 'proof and record',
    operands: '<dir>',
    summary: 'copy the signed record to a new folder, for anybody to verify',
    examples: ['bulkhead ledger export /media/backup/ledger'],
    load: () => import('./commands/ledger-export.ts'),
  },
  // ---- this machine
  {
    name: 'doctor',
    group: 'this machine',
    summary: 'what this machine can enforce, and what mends the rest',
    load: () => import('./commands/doctor.ts'),
  },
  {
    name: 'uninstall',
    group: 'this machine',
    summary: 'take away the fleet and the programs: nothing is left',
    load: () => import('./commands/uninstall.ts'),
  },
];
