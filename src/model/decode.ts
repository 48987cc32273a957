import { whyNoRule } from './argv-rule.ts';
import { DEADLINE, WAIT } from './ask-times.ts';
import { CPU, DISK, LONGEST_PATH, LONGEST_WORD, MEMORY, MOST_AGENTS, MOST_RULES, PORT, PROCESSES } from './bounds.ts';
import { budget, prices } from './budget.ts';
import { egressRules } from './decode-egress.ts';
import { elevatedRule } from './decode-elevated.ts';
import { MOST_ELEVATED } from './elevated.ts';
import { ENV_NAME, refusedEnv } from './env-names.ts';
import type {
  ArgvRule,
  AskTimes,
  Knowledge,
  Limits,
  NotifyBy,
  Operator,
  WantedAgent,
  WantedExec,
  WantedFleet,
  Workspace,
} from './fleet.ts';
import { agentName, fleetName, knowledgeName } from './names.ts';
import { isPlainPath, isProgram } from './programs.ts';
import { type SecretBinding, secretBinding } from './secret-binding.ts';
import { type SecretUpkeep, secretUpkeep } from './secret-upkeep.ts';
import { sshBinding, sshText } from './ssh-binding.ts';
import { dictionary, distinct, entries, members, oneOf, text, whole, wrong } from './strict.ts';

/** A wanted fleet from JSON that a caller sent, or that an older version of us wrote: exactly what the types say, in range, in one
 *  spelling, or nothing. What comes back is built anew; nothing of `raw` is in it but strings and numbers.
 *  @throws Failure (bad-fleet, bad-name) for anything else */
export function decodeWantedFleet(raw: unknown): WantedFleet {
  const fleet = members(
    raw,
    'the fleet',
    ['format', 'fleet', 'source', 'operators', 'agents'],
    ['notify', 'sudoers', 'roots', 'prices'],
  );
  if (fleet.format !== 1) throw wrong('format', 'is not 1');
  const wanted: WantedFleet = {
    format: 1,
    fleet: fleetName(fleet.fleet),
    source: path(fleet.source, 'source'),
    operators: distinct(entries(fleet.operators, 'operators', operator), 'operators', ({ name }) => name),
    agents: distinct(entries(fleet.agents, 'agents', agent, MOST_AGENTS), 'agents', ({ name }) => name),
    ...(Object.hasOwn(fleet, 'sudoers') ? { sudoers: yes(fleet.sudoers, 'sudoers') } : {}),
    ...(Object.hasOwn(fleet, 'notify') ? { notify: notifyBy(fleet.notify) } : {}),
    ...(Object.hasOwn(fleet, 'roots') ? { roots: entries(fleet.roots, 'roots', path, 20) } : {}),
    ...(Object.hasOwn(fleet, 'prices') ? { prices: prices(fleet.prices, 'prices') } : {}),
  };
  refuseWritableKnowledge(wanted.agents);
  return wanted;
}

/** What an agent may write, root must not bind for anybody: the agent could put a link in its place. */
function refuseWritableKnowledge(agents: readonly WantedAgent[]): void {
  for (const { knowledge } of agents)
    for (const { name, path } of knowledge)
      for (const { workspace } of agents)
        if (workspace.kind === 'shared' && `${path}/`.startsWith(`${workspace.path}/`))
          throw wrong(`knowledge ${name}`, 'lies in the workspace of an agent');
}

function notifyBy(raw: unknown): NotifyBy {
  if (dictionary(raw, 'notify').kind === 'webhook') {
    const { url, as } = members(raw, 'notify', ['kind', 'url', 'as']);
    const isUrl = (text: string): boolean => text.length <= 2000 && /^https?:\/\//.test(text) && URL.canParse(text);
    return {
      kind: 'webhook',
      url: text(url, 'notify.url', 'a web address', isUrl),
      as: oneOf(as, 'notify.as', ['text', 'slack', 'json']),
    };
  }
  const { kind, argv, user } = members(raw, 'notify', ['kind', 'argv', 'user']);
  return {
    kind: oneOf(kind, 'notify.kind', ['command']),
    argv: command(argv, 'notify.argv'),
    user: text(user, 'notify.user', 'a Unix user', (name) => name !== 'root' && isUser(name)),
  };
}

function isUser(name: string): boolean {
  return /^[A-Za-z_][A-Za-z0-9_.-]{0,31}$/.test(name);
}

function operator(raw: unknown, at: string): Operator {
  const { name, user } = members(raw, at, ['name', 'user']);
  return {
    name: text(name, `${at}.name`, 'a name', (name) => name.length <= 40 && /^[a-z](?:-?[a-z0-9])*$/.test(name)),
    user: text(user, `${at}.user`, 'a Unix user', isUser),
  };
}

const REQUIRED = ['name', 'tier', 'workspace', 'env', 'exec', 'limits', 'egress', 'ports', 'knowledge'];

function agent(raw: unknown, at: string): WantedAgent {
  const given = members(raw, at, REQUIRED, [
    ...['role', 'command', 'health', 'egressAsk', 'ask', 'elevated', 'secrets', 'upkeep', 'budget', 'ssh'],
  ]);
  return {
    name: agentName(given.name),
    ...(Object.hasOwn(given, 'role') ? { role: text(given.role, `${at}.role`, 'one line', isRole) } : {}),
    tier: oneOf(given.tier, `${at}.tier`, ['user', 'sandbox', 'container', 'vm']),
    ...(Object.hasOwn(given, 'command') ? { command: command(given.command, `${at}.command`) } : {}),
    workspace: workspace(given.workspace, `${at}.workspace`),
    env: env(given.env, `${at}.env`),
    exec: exec(given.exec, `${at}.exec`),
    limits: limits(given.limits, `${at}.limits`),
    egress: egressRules(given.egress, `${at}.egress`),
    ports: distinct(entries(given.ports, `${at}.ports`, port), `${at}.ports`, String),
    ...(Object.hasOwn(given, 'health') ? { health: health(given.health, `${at}.health`) } : {}),
    knowledge: distinct(entries(given.knowledge, `${at}.knowledge`, knowledge), `${at}.knowledge`, ({ name }) => name),
    ...(Object.hasOwn(given, 'egressAsk') ? { egressAsk: yes(given.egressAsk, `${at}.egressAsk`) } : {}),
    ...(Object.hasOwn(given, 'ask') ? { ask: askTimes(given.ask, `${at}.ask`) } : {}),
    ...(Object.hasOwn(given, 'elevated')
      ? { elevated: entries(given.elevated, `${at}.elevated`, elevatedRule, MOST_ELEVATED) }
      : {}),
    ...(Object.hasOwn(given, 'secrets') ? { secrets: secrets(given.secrets, `${at}.secrets`) } : {}),
    ...(Object.hasOwn(given, 'upkeep') ? { upkeep: upkeep(given.upkeep, `${at}.upkeep`) } : {}),
    ...(Object.hasOwn(given, 'budget') ? { budget: budget(given.budget, `${at}.budget`) } : {}),
    ...(Object.hasOwn(given, 'ssh')
      ? { ssh: distinct(entries(given.ssh, `${at}.ssh`, sshBinding), `${at}.ssh`, sshText) }
      : {}),
  };
}

function isRole(role: string): boolean {
  return /^[^\n]{1,200}$/.test(role);
}

function command(raw: unknown, at: string): readonly string[] {
  const argv = entries(raw, at, word);
  if (argv[0] === undefined || argv[0] === '') throw wrong(at, 'names no program');
  return argv;
}

function word(raw: unknown, at: string): string {
  return text(raw, at, `text of at most ${LONGEST_WORD} characters`, (word) => word.length <= LONGEST_WORD);
}

function workspace(raw: unknown, at: string): Workspace {
  if (dictionary(raw, at).kind === 'own') {
    members(raw, at, ['kind']);
    return { kind: 'own' };
  }
  const given = members(raw, at, ['kind', 'path']);
  return { kind: oneOf(given.kind, `${at}.kind`, ['shared']), path: path(given.path, `${at}.path`) };
}

function env(raw: unknown, at: string): Readonly<Record<string, string>> {
  const found = Object.entries(dictionary(raw, at)).map(([name, value]): [string, string] => {
    if (!ENV_NAME.test(name) || name === '__proto__') throw wrong(at, 'has a bad name in it');
    const refused = refusedEnv(name);
    if (refused !== undefined) throw wrong(`${at}.${name}`, refused);
    return [name, word(value, `${at}.${name}`)];
  });
  return Object.fromEntries(found);
}

function exec(raw: unknown, at: string): WantedExec {
  const given = members(raw, at, ['sets', 'allow', 'deny', 'own', 'ask'], ['allowArgv', 'askArgv', 'denyArgv']);
  const rules = (name: 'allowArgv' | 'askArgv' | 'denyArgv'): Partial<WantedExec> =>
    Object.hasOwn(given, name) ? { [name]: entries(given[name], `${at}.${name}`, argvRule, MOST_RULES) } : {};
  return {
    sets: entries(given.sets, `${at}.sets`, (set, at) => oneOf(set, at, ['base', 'git', 'python', 'node'])),
    allow: entries(given.allow, `${at}.allow`, program),
    deny: entries(given.deny, `${at}.deny`, program),
    own: oneOf(given.own, `${at}.own`, ['never', 'ask', 'allow']),
    ask: oneOf(given.ask, `${at}.ask`, ['never', 'on-miss']),
    ...rules('allowArgv'),
    ...rules('askArgv'),
    ...rules('denyArgv'),
  };
}

function argvRule(raw: unknown, at: string): ArgvRule {
  const words = entries(raw, at, (one, at) => text(one, at, 'text', () => true));
  const why = whyNoRule(words);
  if (why !== undefined) throw wrong(at, why);
  return words;
}

function program(raw: unknown, at: string): string {
  return text(raw, at, 'a program', (program) => program.length <= LONGEST_PATH && isProgram(program));
}

function limits(raw: unknown, at: string): Limits {
  const given = members(raw, at, ['memory', 'processes', 'cpu', 'disk']);
  return {
    memory: whole(given.memory, `${at}.memory`, MEMORY),
    processes: whole(given.processes, `${at}.processes`, PROCESSES),
    cpu: whole(given.cpu, `${at}.cpu`, CPU),
    disk: whole(given.disk, `${at}.disk`, DISK),
  };
}

function yes(raw: unknown, at: string): true {
  if (raw === true) return raw;
  throw wrong(at, 'is not true');
}

function askTimes(raw: unknown, at: string): AskTimes {
  const given = members(raw, at, ['wait', 'deadline']);
  return {
    wait: whole(given.wait, `${at}.wait`, WAIT),
    deadline: whole(given.deadline, `${at}.deadline`, DEADLINE),
  };
}

function upkeep(raw: unknown, at: string): readonly SecretUpkeep[] {
  return distinct(entries(raw, at, secretUpkeep), at, ({ secret }) => secret);
}

function secrets(raw: unknown, at: string): readonly SecretBinding[] {
  const key = ({ variable, host, port }: SecretBinding): string => `${variable} ${host} ${port}`;
  return distinct(entries(raw, at, secretBinding), at, key);
}

function port(raw: unknown, at: string): number {
  return whole(raw, at, PORT);
}

function health(raw: unknown, at: string): { port: number; path: string } {
  const given = members(raw, at, ['port', 'path']);
  return {
    port: port(given.port, `${at}.port`),
    path: text(given.path, `${at}.path`, 'a path of a URL', (path) => /^\/[!-~]{0,255}$/.test(path)),
  };
}

function knowledge(raw: unknown, at: string): Knowledge {
  const given = members(raw, at, ['name', 'path']);
  return { name: knowledgeName(given.name), path: path(given.path, `${at}.path`) };
}

function path(raw: unknown, at: string): string {
  return text(raw, at, 'an absolute path', (path) => path.length <= LONGEST_PATH && isPlainPath(path));
}
