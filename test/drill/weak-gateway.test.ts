import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { RECORDS } from '../../src/drill/credentials/records.ts';
import { REFRESHING } from '../../src/drill/credentials/refreshing.ts';
import { NETWORK_FAMILY } from '../../src/drill/network/family.ts';
import type { AttackResult } from '../../src/drill/verdict.ts';
import { runDrill } from '../../src/programs/cli/drill.ts';
import type { Weakening } from '../e2e/within-reach.ts';
import { type Bench, openBench } from './compartment.ts';

/** One wall of the gateway each; all else of it is as it is. */
const DOWN: readonly Weakening[] = [
  // Whatever name a ClientHello has, it agrees; and TLS is passed on unread where requests are read.
  {
    file: 'src/programs/gateway/doors/tls.ts',
    wall: "  if (hello.kind === 'more') return 'an incomplete ClientHello';\n",
    instead: '  return undefined;\n',
  },
  {
    file: 'src/programs/gateway/doors/carry.ts',
    wall: "if ((kind.kind === 'http' || kind.kind === 'hello') && isRead(",
    instead: "if (kind.kind === 'http' && isRead(",
  },
  {
    file: 'src/programs/gateway/doors/carry.ts',
    wall: "if (opened.kind === 'open' && isRead(door, destination)) opened.passage.end('policy changed');",
    instead: '',
  },
  // An agent has the token endpoint's answer as it came.
  {
    file: 'src/programs/gateway/read/token-answers.ts',
    wall: 'return said(answer.status, withoutTokens(answer.text, stand, [...answer.sent, ...now]));',
    instead: 'return said(answer.status, withoutTokens("", stand, [...answer.sent, ...now]) + answer.text);',
  },
  // What went out is on record as it went out.
  {
    file: 'src/programs/gateway/read/judging.ts',
    wall: "({ event: 'secret.used', ...what, secret })",
    instead: "({ event: 'secret.used', ...what, secret, sent: JSON.stringify(placed.headers) })",
  },
];

let bench: Bench;
before(async () => {
  bench = await openBench(['alpha'], DOWN);
});
after(() => bench?.close());

async function tried(id: string): Promise<AttackResult> {
  const attacks = [...NETWORK_FAMILY.attacks, ...REFRESHING, ...RECORDS].filter((attack) => attack.id === id);
  assert.equal(attacks.length, 1, id);
  const families = [{ attacks, notApplicable: [] }];
  const options = { agents: ['alpha'], families, access: [], recordMs: 1000 };
  const { attacks: results } = await runDrill(bench.compartments, bench.stage, options);
  return results[0] ?? assert.fail(id);
}

for (const [id, why] of [
  ['a16-sni-fronting-read', /^another: answered$/],
  ['b36-token-refresh', /^as JSON: answered$/],
  ['b41-audit-secrets', /something arrived at: record$/],
] as const)
  test(`${id} is breached where its wall is down`, async () => {
    const { result, why: said = '' } = await tried(id);
    assert.equal(result, 'breached', said);
    assert.match(said, why);
  });
