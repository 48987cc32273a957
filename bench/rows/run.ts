import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { removeTree } from '../../src/host/files/mounts.ts';
import { type Ground, TOP } from '../ground.ts';
import { type Line, line, type Samples } from '../line.ts';
import { CODEX, debianPeers, npmPeers, SANDBOX_RUNTIME } from '../peers/peers.ts';
import { timedRun } from '../session.ts';
import { Stand } from '../stand.ts';
import { Stopwatch } from '../stopwatch.ts';

/** One command in an agent that runs already: what the warden takes of it, and the whole command line, beside those that set up a
 *  sandbox for each command. */
export async function rows(ground: Ground): Promise<Line[]> {
  const stand = new Stand(ground);
  await stand.up('  a: {}\n');
  const [npm, debian] = [await npmPeers(ground), await debianPeers(ground)];
  const folder = mkdtempSync('/root/bh-bench-run-');
  ground.keep(() => removeTree(folder));
  writeFileSync(join(folder, 'srt.json'), SETTINGS);
  // firejail keeps its state there and leaves it behind; where it was before, it stays.
  if (!existsSync('/run/firejail')) ground.keep(() => removeTree('/run/firejail'));
  const watch = new Stopwatch(debian === undefined);
  ground.keep(() => watch.end());

  const bwrap = ['bwrap', '--unshare-all', '--ro-bind', '/', '/', 'true'];
  const commands: Record<string, readonly string[] | string> = {
    ours: [join(TOP, 'bulkhead'), '--state', stand.places.state, 'run', 'a', '--', 'true'],
    codex: npm ?? [CODEX, 'sandbox', '--', 'true'],
    'sandbox-runtime': npm ??
      debian ?? [process.execPath, SANDBOX_RUNTIME, '--settings', join(folder, 'srt.json'), 'true'],
    firejail: debian ?? ['firejail', '--noprofile', '--quiet', '--net=none', 'true'],
    'bwrap --unshare-all': bwrap,
  };
  const took: Record<string, number[] | string> = { warden: [] };
  for (const [name, command] of Object.entries(commands)) took[name] = typeof command === 'string' ? command : [];
  for (let round = ground.count(25, 3) + 1; round > 0; round--) {
    push(took, 'warden', timedRun(stand.places.wardenSocket, 'a', ['true']));
    for (const [name, command] of Object.entries(commands))
      if (typeof command !== 'string' && typeof took[name] !== 'string')
        await push(took, name, watch.time(command, folder));
  }
  const [ours, warden] = [samples(took, 'ours'), samples(took, 'warden')];
  const of = (...names: readonly string[]): Record<string, Samples> =>
    Object.fromEntries(names.map((name) => [name, samples(took, name)]));
  return [
    line("run true: the warden's share", 'ms', { timesAtMost: 1.5 }, mustBe(warden), of('bwrap --unshare-all')),
    line(
      'run true: the whole command',
      'ms',
      { timesAtMost: 1 },
      mustBe(ours),
      of('codex', 'sandbox-runtime', 'firejail'),
    ),
  ];
}

/** Nothing reachable, nothing writable but the folder: the shortest settings that start. */
const SETTINGS: string = JSON.stringify({
  network: { allowedDomains: [], deniedDomains: [] },
  filesystem: { denyRead: [], allowWrite: ['.'], denyWrite: [] },
});

/** A peer that fails once is out, with its reason. */
async function push(took: Record<string, number[] | string>, name: string, time: Promise<number>): Promise<void> {
  try {
    const ms = await time;
    const list = took[name];
    if (typeof list === 'object') list.push(ms);
  } catch (error) {
    took[name] = (error as Error).message.split('\n')[0]?.slice(0, 160) ?? 'failed';
  }
}

/** Without the first, which warms the page cache. */
function samples(took: Record<string, number[] | string>, name: string): Samples {
  const list = took[name] ?? 'not asked for';
  return typeof list === 'string' ? list : list.slice(1);
}

function mustBe(list: Samples): readonly number[] {
  if (typeof list === 'string') throw new Error(list);
  return list;
}
