import { chmodSync, mkdtempSync } from 'node:fs';
import { removeTree } from '../../src/host/files/mounts.ts';
import type { EgressRule } from '../../src/model/fleet.ts';
import { judgeEgress } from '../../src/policy/egress.ts';
import type { Ground } from '../ground.ts';
import { HOST, HTTPS, ORIGIN, pretendedInternet } from '../internet.ts';
import { type Line, line } from '../line.ts';
import { load, resolved, type Way } from '../load.ts';
import { Stand } from '../stand.ts';

/** A list in a fleet file holds at most so many entries (src/model/bounds.ts); more rules are those of several agents. */
const ONE_AGENT = 1000;

/** How cost grows with the number of egress rules: one verdict, a change of the file, a connection. */
export async function rows(ground: Ground): Promise<Line[]> {
  const folder = mkdtempSync('/tmp/bh-bench-rules-');
  ground.keep(() => removeTree(folder));
  chmodSync(folder, 0o755);
  await pretendedInternet(ground, folder);
  const stand = new Stand(ground);
  await stand.up(agents(1));
  const lines: Line[] = [];
  const netns = (): string => stand.netns('a0');
  for (const count of [10, 100, 1000, 10_000]) {
    ground.say(`${count} rules`);
    const took = await stand.up(agents(count));
    const address = await resolved(netns(), HOST);
    const way: Way = { name: `${count} rules`, netns, to: { address, port: HTTPS }, connect: false, pids: () => [] };
    const fresh = await load(way, 'fresh', ground.count(200, 20), 1, 1);
    const of = count > ONE_AGENT ? `${count} rules, ${ONE_AGENT} an agent` : `${count} rules`;
    lines.push(
      line(`${count} rules: one verdict`, 'µs', { none: true }, verdicts(count, ground.count(2000, 50))),
      line(`${of}: up with the changed file`, 's', { none: true }, [took / 1000]),
      line(
        `${of}: small request on a new connection`,
        'ms',
        { none: true },
        fresh.flatMap(({ samples }) => samples),
      ),
    );
  }
  return lines;
}

/** As many agents as it takes; the last rule of the first one is the server's. */
function agents(count: number): string {
  const each = Math.min(count, ONE_AGENT);
  const rules = (number: number): string =>
    Array.from({ length: each - 1 }, (_, index) => `h${index}.a${number}.test`).join(', ');
  return Array.from({ length: Math.ceil(count / ONE_AGENT) }, (_, number) => {
    const last = `{ host: ${HOST}, port: ${HTTPS}, address: ${ORIGIN} }`;
    return `  a${number}:\n    egress: [${[rules(number), last].filter(Boolean).join(', ')}]\n`;
  }).join('');
}

/** Microseconds of verdicts over a list of which the last rule is the one. */
function verdicts(count: number, times: number): number[] {
  const rules: EgressRule[] = Array.from({ length: count - 1 }, (_, at) => ({ host: `h${at}.test`, port: HTTPS }));
  rules.push({ host: HOST, port: HTTPS });
  return Array.from({ length: times }, () => {
    const begun = performance.now();
    if (judgeEgress(rules, { host: HOST, port: HTTPS, literal: false }).kind !== 'allow') throw new Error('refused');
    return 1000 * (performance.now() - begun);
  });
}
