import { ASK, DEADLINE, WAIT } from '../../../model/ask-times.ts';
import type { Bounds } from '../../../model/bounds.ts';
import type { AskTimes, Knowledge, Limits, WantedAgent, WantedExec, Workspace } from '../../../model/fleet.ts';
import { agentName, type KnowledgeName, knowledgeName } from '../../../model/names.ts';
import { suggest } from '../suggest.ts';
import { disk, duration, memory, share } from './amounts.ts';
import { type ArgvKey, argvRules } from './argv-rules.ts';
import { budgetOf } from './budget.ts';
import { egressRules, refuseTimeOnHost } from './egress-rules.ts';
import { elevatedRules } from './elevated.ts';
import { environment } from './environment.ts';
import type { AgentInFile, DefaultsInFile } from './file.ts';
import { expandPath, isWithin, tooMuch } from './paths.ts';
import { commandCanStart, programs, word } from './programs.ts';
import { secretBindings } from './secrets.ts';
import { type Path, pathText, quoted } from './shown.ts';
import { sshBindings } from './ssh.ts';
import { secretUpkeeps } from './upkeep.ts';
import { problemAt, settled, type Where } from './where.ts';

/** One agent with everything decided.
 *
 *  Merging: a key of the agent's, down to `exec.sets`, `exec.allow`, `exec.deny`, `exec.own`, `exec.ask`, `limits.memory` and its
 *  neighbours, and single variables of `env`, replaces the same key of `defaults`; what neither has comes from the product
 *  (sets [base], own never, ask on-miss, memory 2G, 256 processes, cpu 100%, disk 5G). Lists are replaced whole, never joined:
 *  `allow: []` in an agent takes the default's away. */
export function wantedAgent(
  where: Where,
  name: string,
  shape: AgentInFile,
  defaults: DefaultsInFile,
  knowledge: ReadonlyMap<string, Knowledge>,
): WantedAgent {
  const path = ['agents', name];
  const exec = withSsh(wantedExec(where, path, shape, defaults), shape);
  const rules = egressRules(where, [...path, 'egress'], shape.egress ?? []);
  refuseTimeOnHost(where, [...path, 'egress'], shape.tier ?? defaults.tier ?? 'sandbox', rules);
  const secrets = secretBindings(where, path, shape.secrets ?? {}, rules, shape.env ?? {});
  const upkeep = secretUpkeeps(where, path, shape.secrets ?? {}, secrets, rules);
  const budget = budgetOf(where, path, shape.budget, defaults.budget, rules, secrets);
  const ssh = sshBindings(where, path, shape.ssh ?? [], rules, { ...defaults.env, ...shape.env });
  const command = shape.command?.map((part, i) => word(where, [...path, 'command', i], part));
  if (command !== undefined) commandCanStart(where, [...path, 'command'], command, exec);
  return {
    name: agentName(name),
    ...(shape.role === undefined ? {} : { role: shape.role }),
    tier: shape.tier ?? defaults.tier ?? 'sandbox',
    ...(command === undefined ? {} : { command }),
    workspace: workspace(where, path, shape),
    env: {
      ...environment(where, ['defaults', 'env'], defaults.env),
      ...environment(where, [...path, 'env'], shape.env),
    },
    exec,
    limits: limits(where, path, shape, defaults),
    egress: rules,
    ports: unique(where, [...path, 'ports'], shape.ports ?? []),
    ...(shape.health === undefined ? {} : { health: { port: shape.health.port, path: shape.health.path ?? '/' } }),
    knowledge: unique(where, [...path, 'knowledge'], shape.knowledge ?? []).map((entry, i) =>
      granted(where, [...path, 'knowledge', i], entry, knowledge),
    ),
    ...((shape['egress-ask'] ?? defaults['egress-ask']) && { egressAsk: true as const }),
    ...askTimes(where, path, shape, defaults),
    ...(shape.elevated && { elevated: elevatedRules(where, [...path, 'elevated'], shape.elevated) }),
    ...(secrets.length > 0 && { secrets }),
    ...(upkeep.length > 0 && { upkeep }),
    ...(budget && { budget }),
    ...(ssh.length > 0 && { ssh }),
  };
}

/** The knowledge entries of the fleet, by name. */
export function knowledgeEntries(
  where: Where,
  entries: Readonly<Record<string, string>>,
): Map<KnowledgeName, Knowledge> {
  const found = Object.entries(entries).map(([name, raw]): [KnowledgeName, Knowledge] => {
    const at = ['knowledge', name];
    const path = settled(where, 'bad-path', at, expandPath(raw, where.home, folderOf(where.source)));
    const wide = tooMuch(path, 'read', where.home);
    if (wide !== undefined) throw problemAt(where, 'too-wide', at, wide);
    return [knowledgeName(name), { name: knowledgeName(name), path }];
  });
  return new Map(found);
}

function granted(where: Where, path: Path, name: string, knowledge: ReadonlyMap<string, Knowledge>): Knowledge {
  const entry = knowledge.get(name);
  if (entry !== undefined) return entry;
  const known = [...knowledge.keys()];
  const meant = suggest(name, known);
  const hint =
    meant === undefined ? `Add it at the top: knowledge: { ${name}: ./PATH }.` : `Did you mean ${quoted(meant)}?`;
  throw where.document.failure(
    'unknown-knowledge',
    path,
    `there is no knowledge ${quoted(name)}, in ${pathText(path)}`,
    hint,
  );
}

function workspace(where: Where, agent: Path, shape: AgentInFile): Workspace {
  const at = [...agent, 'workspace'];
  if (shape.workspace === undefined) {
    if (shape.shared !== true) return { kind: 'own' };
    throw where.document.failure(
      'shared-without-workspace',
      [...agent, 'shared'],
      `${pathText(agent)} is shared, but has no workspace`,
      'Name the folder of yours that it works in: workspace: ~/DIR. A workspace inside the state is never shared.',
      'key',
    );
  }
  const path = settled(where, 'bad-path', at, expandPath(shape.workspace, where.home, folderOf(where.source)));
  const wide = tooMuch(path, 'write', where.home);
  if (wide !== undefined) throw problemAt(where, 'too-wide', at, wide);
  if (isWithin(where.source, path))
    throw where.document.failure(
      'policy-in-reach',
      at,
      `this file lies in the workspace of ${pathText(agent)}, which could rewrite it`,
      'Move fleet.yaml out of the folder, or share a folder beside it.',
    );
  if (shape.shared !== true)
    throw where.document.failure(
      'shared-required',
      at,
      `${quoted(path)} is a folder of yours, and ${pathText(agent)} does not say that it is shared`,
      'Add shared: true (what your tools obey in it is then masked), or leave workspace out for one inside the state.',
    );
  return { kind: 'shared', path };
}

function wantedExec(where: Where, agent: Path, shape: AgentInFile, defaults: DefaultsInFile): WantedExec {
  const pick = <K extends 'allow' | 'deny'>(key: K): readonly string[] => {
    if (shape.exec?.[key] !== undefined) return programs(where, [...agent, 'exec', key], shape.exec[key]);
    return programs(where, ['defaults', 'exec', key], defaults.exec?.[key] ?? []);
  };
  const rules = (key: ArgvKey, name: 'allowArgv' | 'askArgv' | 'denyArgv'): Partial<WantedExec> => {
    const own = shape.exec?.[key];
    const path = [...(own === undefined ? ['defaults'] : agent), 'exec', key];
    const found = argvRules(where, path, key, own ?? defaults.exec?.[key] ?? []);
    return found.length === 0 ? {} : { [name]: found };
  };
  return {
    sets: unique(where, [...agent, 'exec', 'sets'], shape.exec?.sets ?? defaults.exec?.sets ?? ['base']),
    allow: pick('allow'),
    deny: pick('deny'),
    own: shape.exec?.own ?? defaults.exec?.own ?? 'never',
    ask: shape.exec?.ask ?? defaults.exec?.ask ?? 'on-miss',
    ...rules('allow-argv', 'allowArgv'),
    ...rules('ask-argv', 'askArgv'),
    ...rules('deny-argv', 'denyArgv'),
  };
}

/** A key that no program could use would be no use. */
function withSsh(exec: WantedExec, { ssh }: AgentInFile): WantedExec {
  const named = [...exec.allow, ...exec.deny].includes('ssh');
  return ssh === undefined || named ? exec : { ...exec, allow: [...exec.allow, 'ssh'] };
}

function limits(where: Where, agent: Path, shape: AgentInFile, defaults: DefaultsInFile): Limits {
  const at = (key: keyof Limits): Path => [
    ...(shape.limits?.[key] === undefined ? ['defaults'] : agent),
    'limits',
    key,
  ];
  const given = {
    memory: '2G',
    processes: 256,
    cpu: '100%',
    disk: '5G',
    ...defined(defaults.limits),
    ...defined(shape.limits),
  };
  return {
    memory: settled(where, 'out-of-range', at('memory'), memory(given.memory)),
    processes: given.processes,
    cpu: settled(where, 'out-of-range', at('cpu'), share(given.cpu)),
    disk: settled(where, 'out-of-range', at('disk'), disk(given.disk)),
  };
}

/** Absent where neither the agent nor the defaults say anything. */
function askTimes(where: Where, agent: Path, shape: AgentInFile, defaults: DefaultsInFile): { ask?: AskTimes } {
  if (shape.ask === undefined && defaults.ask === undefined) return {};
  const one = (key: keyof AskTimes, bounds: Bounds): number => {
    const text = shape.ask?.[key] ?? defaults.ask?.[key];
    const path = [...(shape.ask?.[key] === undefined ? ['defaults'] : agent), 'ask', key];
    return text === undefined ? ASK[key] : settled(where, 'out-of-range', path, duration(text, bounds));
  };
  return { ask: { wait: one('wait', WAIT), deadline: one('deadline', DEADLINE) } };
}

/** @throws Failure for an entry that stands twice */
export function unique<T extends string | number>(where: Where, path: Path, entries: readonly T[]): T[] {
  const twice = entries.findIndex((entry, i) => entries.indexOf(entry) !== i);
  if (twice < 0) return [...entries];
  const message = `${quoted(entries[twice])} stands twice in ${pathText(path)}`;
  throw where.document.failure('duplicate-entry', [...path, twice], message, 'Keep one of the two.');
}

function defined<T extends object>(given: T | undefined): { [K in keyof T]?: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(given ?? {}).filter(([, value]) => value !== undefined)) as never;
}

export function folderOf(source: string): string {
  return source.slice(0, Math.max(1, source.lastIndexOf('/')));
}
