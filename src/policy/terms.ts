import { CAPS } from '../model/budget.ts';
import type { WantedAgent, WantedFleet } from '../model/fleet.ts';
import { testText } from '../model/secret-upkeep.ts';
import { sshText } from '../model/ssh-binding.ts';
import { span } from './age.ts';
import { elevatedText } from './elevated/text.ts';
import { grantText, secretUse } from './map.ts';
import { brief } from './meter/caps.ts';

/** What changes in what a fleet file grants, a line each: `-` for what is taken away, `+` for what comes. Steps show what is made of it by
 *  digests alone. One line at least where the two differ.
 *  @param before  the fleet last applied; undefined: none was */
export function termsChanged(before: WantedFleet | undefined, after: WantedFleet): string[] {
  const [was, is] = [before ? termsOf(before) : [], termsOf(after)];
  const lines = [
    ...was.filter((line) => !is.includes(line)).map((line) => `- ${line}`),
    ...is.filter((line) => !was.includes(line)).map((line) => `+ ${line}`),
  ];
  const same = before === undefined || JSON.stringify(apart(before)) === JSON.stringify(apart(after));
  return lines.length === 0 && !same ? ['~ what fleet.yaml says otherwise'] : lines;
}

/** The file may have been moved. */
function apart({ source: _, ...rest }: WantedFleet): object {
  return rest;
}

function termsOf(fleet: WantedFleet): string[] {
  const { notify, roots = [], prices = [] } = fleet;
  return [
    ...fleet.operators.map(({ name, user }) => `${user} is an operator (${name})`),
    // The address of a webhook is all that is needed to post to it.
    ...(notify ? [notify.kind === 'command' ? `notices by ${notify.argv.join(' ')}` : 'notices by a webhook'] : []),
    ...roots.map((file) => `servers may be signed by ${file} too`),
    ...prices.map((price) => `a price: ${JSON.stringify(price)}`),
    ...new Set(fleet.agents.flatMap(upkeepOf)),
    ...fleet.agents.flatMap((agent) => agentTerms(agent).map((line) => `${agent.name} ${line}`)),
  ];
}

function agentTerms(agent: WantedAgent): string[] {
  const { exec, budget } = agent;
  const rules = (what: string, some: readonly (readonly string[])[] = []): string[] =>
    some.map((words) => `${what} ${words.join(' ')}`);
  const caps = CAPS.flatMap((cap) => (budget?.[cap] === undefined ? [] : [brief(cap, budget[cap])]));
  return [
    ...(agent.command ? [`runs ${agent.command.join(' ')}`] : []),
    ...exec.sets.map((set) => `may start the programs of ${set}`),
    ...exec.allow.map((program) => `may start ${program}`),
    ...exec.deny.map((program) => `may not start ${program}`),
    ...rules('may start', exec.allowArgv),
    ...rules('is asked about', exec.askArgv),
    ...rules('may not start', exec.denyArgv),
    ...(exec.own === 'never' ? [] : [`may start what it made itself (${exec.own})`]),
    ...agent.egress.map((rule) => `may reach ${grantText(rule)}`),
    ...(agent.egressAsk ? ['may ask for any other host'] : []),
    ...(agent.secrets ?? []).map(
      (one) =>
        `has ${secretUse(one)}: $${one.variable}, in ${one.in.join(' or ')}${one.file ? `, and in ~/${one.file.path}` : ''}`,
    ),
    ...(agent.ssh ?? []).map((one) => `may log in to ${sshText(one)}`),
    ...(agent.elevated ?? []).map((one) => `may have run outside: ${elevatedText(one)}`),
    ...agent.knowledge.map(({ name, path }) => `reads ${path} as /knowledge/${name}`),
    ...Object.entries(agent.env).map(([name, value]) => `has ${name}=${value}`),
    ...caps.map((cap) => `may use up ${cap} a day${budget?.ask ? ', and ask for more' : ''}`),
  ];
}

/** It is the secret's, whoever of the agents says it. */
function upkeepOf({ upkeep = [] }: WantedAgent): string[] {
  return upkeep.flatMap(({ secret, every, command, test }) => [
    ...(every === undefined ? [] : [`${secret} is due for a new value after ${span(every)}`]),
    ...(command === undefined ? [] : [`${secret} gets new values from ${command.join(' ')}`]),
    ...(test === undefined ? [] : [`${secret} is tried with ${testText(test)}, in ${test.in}`]),
  ]);
}
