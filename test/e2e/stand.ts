import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, realpathSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import { BULKHEAD, type Result, type Started, start, type Ways } from './command.ts';
import { withMachine } from './machine-lock.ts';
import { sweep } from './sweep.ts';

/** A fleet of its own on this machine, for one test: its own state, its own names. */
export interface Stand {
  readonly state: string;
  readonly fleet: string;
  /** A folder for what the test needs (it holds fleet.yaml), root's, open to all for reading; gone at the end. */
  readonly folder: string;
  readonly file: string;
  /** Set for every command line of `piped`. */
  readonly env?: Readonly<Record<string, string>>;
  /** A command of ours on this state; `up` and `plan` get the file. `['status', '--json']`, `['run', 'coder', '--', 'id']`. */
  bulkhead(args: readonly string[], ways?: Ways): Promise<Result>;
  /** The same, without waiting for its end. */
  start(args: readonly string[], ways?: Ways): Started;
  /** One command in an agent's compartment. */
  run(agent: string, argv: readonly string[], ways?: Ways): Promise<Result>;
  /** Replaces the fleet file; a text without `fleet:` gets this stand's name. */
  write(yaml: string): void;
}

export interface Wishes {
  /** False: the file is written, and nothing is up yet. */
  readonly up?: boolean;
  readonly fleet?: string;
  readonly state?: string;
  /** Words before every command of ours: where it runs. */
  readonly inside?: readonly string[];
}

/** What `plan --json` says where there is nothing to do. */
export const EMPTY_PLAN = { machine: [], steps: [], terms: [], unset: [] } as const;

export const NOT_ROOT: false | string = process.getuid?.() === 0 ? false : 'putting up a fleet needs root';
let count = 0;

/** The same as `withFleet`, while others of this kind are up: for tests that look at nothing beyond their own fleet, and measure no time. */
export function withFleetBeside(yaml: string, use: (stand: Stand) => Promise<void>, wishes?: Wishes): Promise<void> {
  return withFleet(yaml, use, wishes, false);
}

/** Puts a fleet up while no other is, hands it over, and takes everything of it away, however `use` ended.
 *  @param yaml  a fleet file; without a `fleet:` of its own it gets a name that nobody else has */
export async function withFleet(
  yaml: string,
  use: (stand: Stand) => Promise<void>,
  wishes: Wishes = {},
  alone: boolean = true,
): Promise<void> {
  await withMachine(async () => {
    const stand = newStand(yaml, wishes);
    const failed: unknown[] = [];
    try {
      if (wishes.up !== false) {
        const up = await stand.bulkhead(['up']);
        assert.equal(up.status, 0, `up: ${up.stdout}${up.stderr}`);
      }
      await use(stand);
    } catch (error) {
      failed.push(error);
    }
    try {
      await clear(stand);
    } catch (error) {
      failed.push(error);
    }
    if (failed.length === 1) throw failed[0];
    if (failed.length > 1) throw new AggregateError(failed, failed.map(String).join('\n'));
  }, alone);
}

function newStand(yaml: string, wishes: Wishes): Stand {
  const id = `${process.pid}-${++count}`;
  const fleet = /^fleet: *([a-z0-9-]+)/m.exec(yaml)?.[1] ?? wishes.fleet ?? `t${process.pid}n${count}`;
  const state = wishes.state ?? `/var/lib/bh-e2e-${id}`;
  const folder = mkdtempSync(join(realpathSync(tmpdir()), 'bulkhead-stand-'));
  const file = join(folder, 'fleet.yaml');
  const line = ([first = '', ...rest]: readonly string[]): string[] => [
    first,
    ...['--state', state],
    ...(first === 'up' || first === 'plan' ? ['--file', file] : []),
    ...rest,
  ];
  const stand: Stand = {
    ...{ state, fleet, folder, file },
    start: (args, ways) =>
      start(line(args), { ...(wishes.inside && { program: [...wishes.inside, BULKHEAD] }), ...ways }),
    bulkhead: (args, ways) => stand.start(args, ways).ended,
    run: (agent, argv, ways) => stand.bulkhead(['run', agent, '--', ...argv], ways),
    write: (text) => writeFileSync(file, /^fleet:/m.test(text) ? text : `fleet: ${fleet}\n${text}`),
  };
  stand.write(yaml);
  return stand;
}

async function clear(stand: Stand): Promise<void> {
  const gone = await stand.bulkhead(['uninstall']);
  const left = existsSync(stand.state);
  const swept = await sweep(stand.state, stand.fleet);
  removeTree(stand.folder);
  assert.equal(gone.status, 0, `uninstall: ${gone.stdout}${gone.stderr}`);
  assert.equal(left, false, `${stand.state} is still there after uninstall`);
  assert.deepEqual(swept, [], 'uninstall left something behind');
}
