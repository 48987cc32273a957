import { MOST_AGENTS } from '../../../model/bounds.ts';
import type { Operator, WantedAgent, WantedFleet } from '../../../model/fleet.ts';
import { fleetName } from '../../../model/names.ts';
import { unixUserName } from '../../../model/unix-names.ts';
import { keyIn } from '../../../policy/secret-shapes.ts';
import { folderOf, knowledgeEntries, wantedAgent } from './agent.ts';
import { pricesOf } from './budget.ts';
import { FleetDocument } from './document.ts';
import { explain } from './explain.ts';
import type { FleetFile } from './file.ts';
import { notifyBy } from './notify.ts';
import { expandPath, isWithin } from './paths.ts';
import { fleetShape } from './shape.ts';
import { pathText, quoted } from './shown.ts';
import { refuseUpkeepClashes } from './upkeep.ts';
import { type Reading, settled, type Where } from './where.ts';

/** A fleet.yaml as what it means: defaults applied, paths absolute, hosts in their one spelling. Pure: nothing is looked up, and
 *  whether files and programs are there is for the host side to find.
 *  @throws Failure for the first thing wrong, with `at` as `file:line:column`; exit 2 */
export function parseFleet(text: string, reading: Reading): WantedFleet {
  const file = reading.file ?? reading.source.slice(reading.source.lastIndexOf('/') + 1);
  const document = new FleetDocument(text, file);
  refuseKeys(document, text);
  const shaped = fleetShape.safeParse(document.value);
  if (!shaped.success) throw explain(document, shaped.error.issues, file);
  const shape = shaped.data;
  const where: Where = { ...reading, document };
  const fleet = fleetName(shape.fleet);
  refuseEmpty(where, shape);
  const knowledge = knowledgeEntries(where, shape.knowledge ?? {});
  const agents = Object.entries(shape.agents).map(([name, agent]) =>
    wantedAgent(where, name, agent, shape.defaults ?? {}, knowledge),
  );
  const people = operators(where, shape);
  const told = shape.notify === undefined ? {} : { notify: notifyBy(where, shape.notify, people) };
  const roots = shape.roots?.map((path, i) =>
    settled(where, 'bad-path', ['roots', i], expandPath(path, where.home, folderOf(where.source))),
  );
  const wanted: WantedFleet = {
    format: 1,
    fleet,
    source: reading.source,
    operators: people,
    agents,
    ...told,
    ...(shape.sudoers && { sudoers: true as const }),
    ...(roots && { roots }),
    ...(shape.prices && { prices: pricesOf(shape.prices) }),
  };
  refuseClashes(where, wanted);
  refuseUpkeepClashes(where, agents);
  refuseWritableKnowledge(where, wanted.agents);
  return wanted;
}

/** In the whole text, comments too: a key that is commented out has leaked all the same. */
function refuseKeys(document: FleetDocument, text: string): void {
  const key = keyIn(text);
  if (key === undefined) return;
  throw document.failureAt(
    'secret-in-file',
    key.index,
    `this looks like ${key.what}`,
    'Secrets never stand in a fleet.yaml: take it out, and replace the key where it was issued if the file was shared.',
  );
}

function refuseEmpty(where: Where, shape: FleetFile): void {
  for (const key of ['operators', 'knowledge', 'prices', 'agents'] as const) {
    if (shape[key] === undefined || Object.keys(shape[key]).length > 0) continue;
    const hint =
      key === 'agents' ? 'Add an agent; bulkhead down takes a whole fleet down.' : 'Leave the key out for none.';
    throw where.document.failure('empty-list', [key], `${key} is empty`, hint, 'key');
  }
  if (Object.keys(shape.agents).length > MOST_AGENTS)
    throw where.document.failure(
      'out-of-range',
      ['agents'],
      `the fleet has more than ${MOST_AGENTS} agents`,
      'Split it into several fleets.',
      'key',
    );
}

function operators(where: Where, shape: FleetFile): Operator[] {
  if (shape.operators === undefined) return where.user === 'root' ? [] : [{ name: 'owner', user: where.user }];
  const found = Object.entries(shape.operators).map(([name, { user }]) => ({ name, user }));
  for (const [i, { name, user }] of found.entries()) {
    const at = ['operators', name, 'user'];
    if (/^(?:bh-|bulkhead-)/.test(user))
      throw where.document.failure(
        'bad-operator',
        at,
        `${quoted(user)} is the user of an agent or program, not of a person`,
        'An operator is a person with a login of their own.',
      );
    if (found.findIndex((other) => other.user === user) !== i)
      throw where.document.failure(
        'bad-operator',
        at,
        `${quoted(user)} stands twice in operators`,
        'Keep one of the two.',
      );
  }
  return found;
}

/** What an agent may write, root must not bind for anybody: the agent could put a link in its place. */
function refuseWritableKnowledge(where: Where, agents: readonly WantedAgent[]): void {
  for (const agent of agents)
    for (const [i, entry] of agent.knowledge.entries())
      for (const { name, workspace } of agents)
        if (workspace.kind === 'shared' && isWithin(entry.path, workspace.path))
          throw where.document.failure(
            'knowledge-clash',
            ['agents', agent.name, 'knowledge', i],
            `the knowledge ${entry.name} lies in the workspace of ${name}, who could replace it by a link to anything`,
            'Keep knowledge outside of the folders that agents may change.',
          );
}

/** What each agent may say by itself, but not two of them. */
function refuseClashes(where: Where, { fleet, agents }: WantedFleet): void {
  for (const [i, agent] of agents.entries())
    for (const other of agents.slice(0, i)) refuseClash(where, fleet, other, agent);
}

function refuseClash(where: Where, fleet: WantedFleet['fleet'], first: WantedAgent, second: WantedAgent): void {
  const path = ['agents', second.name];
  const port = second.ports.findIndex((number) => first.ports.includes(number));
  if (port >= 0)
    throw where.document.failure(
      'port-clash',
      [...path, 'ports', port],
      `port ${second.ports[port]} in ${pathText(path)} is published by ${first.name} already`,
      'Both would stand on 127.0.0.1 under this number; let one of the two use another.',
    );
  if (unixUserName(fleet, first.name) === unixUserName(fleet, second.name))
    throw where.document.failure(
      'name-clash',
      path,
      `${first.name} and ${second.name} come to the same Unix user`,
      'Rename one of the two.',
      'key',
    );
  if (first.workspace.kind === 'own' || second.workspace.kind === 'own') return;
  const [a, b] = [first.workspace.path, second.workspace.path];
  if (isWithin(a, b) || isWithin(b, a))
    throw where.document.failure(
      'workspace-clash',
      [...path, 'workspace'],
      `the workspaces of ${first.name} and ${second.name} overlap`,
      'Give each agent a folder of its own: what one writes the other would obey.',
    );
}
