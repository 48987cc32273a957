import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { observeCgroups } from '../../src/host/cgroup/cgroup-roots.ts';
import { readUidBook } from '../../src/host/files/uid-book.ts';
import { fleetFacts } from '../../src/host/view/compartment-facts.ts';
import { viewFacts } from '../../src/host/view/view-facts.ts';
import { agentPlaces } from '../../src/plan/places.ts';
import { sandboxOrders } from '../../src/tiers/sandbox.ts';
import { bareArguments } from '../bare.ts';
import type { Ground } from '../ground.ts';
import { type Line, line } from '../line.ts';
import { Stand } from '../stand.ts';

/** What both run first: bash tells the time before it does anything else. Seconds since 1970, with microseconds. */
const TELL = 'echo $EPOCHREALTIME';
const now = (): number => performance.timeOrigin + performance.now();

/** From the request that an agent start, as the warden gets it, to the agent's own first instruction; and the same for bubblewrap
 *  alone with the same mounts. Recording, cgroup, namespaces, filter and the gateway's sockets are in ours. */
export async function rows(ground: Ground): Promise<Line[]> {
  const stand = new Stand(ground);
  await stand.up(`  a:\n    command: [bash, -c, '${TELL} >/workspace/first; exec sleep infinity']\n`);
  const warden = await stand.warden();
  ground.keep(() => warden.close());
  const first = `${agentPlaces(stand.places, 'a').workspace}/first`;
  const bare = bareCommand(stand);
  const [ours, theirs]: [number[], number[]] = [[], []];
  for (let round = ground.count(30, 3) + 1; round > 0; round--) {
    await warden.call('agent.stop', { agent: 'a' });
    const begun = now();
    await warden.call('agent.restart', { agent: 'a' });
    ours.push(1000 * Number(readFileSync(first, 'utf8')) - begun);
    theirs.push(await timed(bare));
  }
  const what = "start a compartment, to the agent's first instruction";
  // The first of each warms the page cache.
  return [line(what, 'ms', { timesAtMost: 2 }, ours.slice(1), { 'bwrap, same mounts': theirs.slice(1) })];
}

interface Bare {
  readonly argv: readonly string[];
  readonly uid: number;
}

/** As the agent, for its folders are closed to others. */
function bareCommand(stand: Stand): Bare {
  const host = { places: stand.places, view: viewFacts(), cgroups: observeCgroups() };
  const { compartments } = fleetFacts(stand.wanted(), host, readUidBook(stand.places.uids));
  const facts = compartments.get('a');
  if (!facts) throw new Error('no facts of the compartment');
  const argv = ['bwrap', ...bareArguments(sandboxOrders(facts), `${facts.stage}/root`), '/bin/bash', '-c', TELL];
  return { argv, uid: facts.uid };
}

/** Milliseconds from before the start to the time that the command tells. */
function timed({ argv: [program = '', ...args], uid }: Bare): Promise<number> {
  return new Promise((resolve, reject) => {
    const begun = now();
    const child = spawn(program, args, { uid, gid: uid, stdio: ['ignore', 'pipe', 'pipe'] });
    let [out, err] = ['', ''];
    child.stdout.on('data', (chunk: Buffer) => {
      out += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      err += chunk.toString();
    });
    child.once('error', reject);
    child.once('close', (status) =>
      status === 0 ? resolve(1000 * Number(out) - begun) : reject(new Error(`${program}: ${err.trim()}`)),
    );
  });
}
