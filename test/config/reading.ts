import assert from 'node:assert/strict';
import { Failure } from '../../src/model/failure.ts';
import type { WantedAgent, WantedFleet } from '../../src/model/fleet.ts';
import { parseFleet } from '../../src/programs/cli/config/parse.ts';

export const READING = { source: '/home/you/fleet.yaml', home: '/home/you', user: 'you' };

export function parsed(text: string): WantedFleet {
  return parseFleet(text, READING);
}

/** The one agent of a fleet whose agent `a` has these lines. */
export function agentOf(lines: string, before = ''): WantedAgent {
  const [agent] = parsed(withAgent(lines, before)).agents;
  assert.ok(agent);
  return agent;
}

export function withAgent(lines: string, before = ''): string {
  const indented = lines.split('\n').map((line) => `    ${line}`);
  return `fleet: home\n${before}agents:\n  a:\n${indented.join('\n')}\n`;
}

/** @returns the two lines an operator sees, the place before the first */
export function refused(text: string): string {
  const failure = failureOf(text);
  return `${failure.at}: ${failure.message}\n${failure.hint}`;
}

export function failureOf(text: string): Failure {
  try {
    parsed(text);
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    assert.equal(error.exit, 2);
    assert.match(error.at ?? '', /^fleet\.yaml:[1-9][0-9]*:[1-9][0-9]*$/);
    assert.ok(!`${error.message}${error.hint}`.includes('\n'), 'an error is two lines');
    assert.ok(error.message.length < 300 && error.hint.length < 300);
    return error;
  }
  throw new assert.AssertionError({ message: `nothing was refused in:\n${text.slice(0, 500)}` });
}

/** Code of the failure for an agent with these lines. */
export function codeOf(lines: string, before = ''): string {
  return failureOf(withAgent(lines, before)).code;
}
