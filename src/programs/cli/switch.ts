import type { ActedDocument, StatusDocument } from '../../model/documents.ts';
import { Failure, type FailureDocument, failureDocument } from '../../model/failure.ts';
import { agentName } from '../../model/names.ts';
import { shown } from '../../policy/display.ts';
import type { Client } from '../../wire/client.ts';
import type { Answer, Call, Screen } from './call.ts';
import { withWarden } from './connect.ts';
import { twoLines } from './failing.ts';

export type Verb = 'pause' | 'resume' | 'stop' | 'restart';
type Outcome = ActedDocument | { readonly agent: string; readonly error: FailureDocument };

/** The kill switch: one agent, or every agent of the fleet at once. What fails for one does not keep the others; the exit is 0
 *  only when each was seen to be as it was told. */
export async function switchAgents(verb: Verb, { state, operands, options }: Call): Promise<Answer> {
  const [operand] = operands;
  if ((operand === undefined) === (options.all !== true))
    throw new Failure(
      'usage',
      operand === undefined ? `bulkhead ${verb} needs an agent` : `bulkhead ${verb} takes an agent or --all, not both`,
      `bulkhead ${verb} AGENT, or bulkhead ${verb} --all for the whole fleet.`,
    );
  const outcomes = await withWarden(state, `there is nothing to ${verb}`, async (warden) => {
    const names = operand === undefined ? await everyAgent(warden, verb) : [agentName(operand)];
    return Promise.all(names.map((name) => act(warden, verb, name)));
  });
  const [only] = outcomes;
  if (operand !== undefined && only !== undefined && 'error' in only)
    throw new Failure(only.error.code, only.error.message, only.error.hint, 1);
  return {
    document: { agents: outcomes },
    text: (screen) => outcomes.map((outcome) => told(outcome, screen)).join('\n') || `No agent to ${verb}.`,
    exit: outcomes.every((outcome) => 'measured' in outcome) ? 0 : 1,
  };
}

/** Only what is paused can go on; everything else is asked of every agent, because a state that is shown may be old. */
async function everyAgent(warden: Client, verb: Verb): Promise<string[]> {
  const { agents } = (await warden.call('status')) as StatusDocument;
  return agents.filter(({ state }) => verb !== 'resume' || state === 'paused').map(({ name }) => name);
}

async function act(warden: Client, verb: Verb, agent: string): Promise<Outcome> {
  try {
    return { ...((await warden.call(`agent.${verb}`, { agent })) as ActedDocument), agent };
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    return { agent, error: failureDocument(error) };
  }
}

function told(outcome: Outcome, screen: Screen): string {
  if ('error' in outcome)
    return screen.style('red', `${shown(outcome.agent)}: ${twoLines(outcome.error).replace('\n', '\n    ')}`);
  const how = outcome.tookMs === undefined ? '' : ` in ${Math.round(outcome.tookMs)} ms`;
  const seen = outcome.measured === undefined ? 'not measured' : `measured: ${shown(outcome.measured)}`;
  const line = `${shown(outcome.agent)}: ${outcome.state === 'paused' ? 'frozen' : shown(outcome.state)}${how} (${seen})`;
  return outcome.measured === undefined ? screen.style('red', line) : line;
}
