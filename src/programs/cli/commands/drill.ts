import { writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { junit } from '../../../drill/junit.ts';
import { ACCESS, FAMILIES } from '../../../drill/list.ts';
import { type DrillDocument, passed } from '../../../drill/verdict.ts';
import type { StatusDocument } from '../../../model/documents.ts';
import { Failure } from '../../../model/failure.ts';
import { agentName } from '../../../model/names.ts';
import { placesOf } from '../../../plan/places.ts';
import type { Client } from '../../../wire/client.ts';
import type { Answer, Call } from '../call.ts';
import { withLedger, withWarden } from '../connect.ts';
import { runDrill } from '../drill.ts';
import { type Fleet, runningFleet } from '../drill-fleet.ts';
import { openStage } from '../drill-stage.ts';
import { onSignals, progress } from '../drill-terminal.ts';
import { renderDrill } from '../render/drill.ts';
import { wardenIsBack } from '../warden-process.ts';

/** Attacks and access tests, from inside the compartments of the fleet that stands. Exit 1 when anything was breached, was cut
 *  off or could not be said, and when nothing at all was held. */
export async function run({ state, operands, options }: Call): Promise<Answer> {
  const file = typeof options.junit === 'string' ? resolve(options.junit) : undefined;
  const [operand] = operands;
  await wardenIsBack(placesOf(state));
  const begun = performance.now();
  const document = await withWarden(state, 'there is nothing to drill', async (warden) => {
    const { agents } = (await warden.call('status')) as StatusDocument;
    const names = operand === undefined ? agents.map(({ name }) => name) : [agentName(operand)];
    if (names.length === 0)
      throw new Failure(
        'no-agents',
        'This fleet has no agent, so there is no wall to try.',
        'Name one under agents: in fleet.yaml, then: bulkhead up',
        1,
      );
    await comeUp(warden, names, agents);
    return withLedger(state, 'what an attack leaves in the record cannot be seen', (ledger) =>
      drilled(runningFleet(state, warden, ledger), names),
    );
  });
  if (file !== undefined) writeReport(file, document);
  const seconds = (performance.now() - begun) / 1000;
  return {
    document,
    text: (screen) => renderDrill(document, screen, seconds),
    exit: passed(document) ? 0 : 1,
  };
}

/** Waits for those who are just being put up, and for the others beside them: what must not be reached should be there to be reached.
 *  @throws Failure for an agent that is not known or does not come up, before anything is made for the drill */
async function comeUp(warden: Client, names: readonly string[], agents: StatusDocument['agents']): Promise<void> {
  for (const agent of names) await warden.call('drill.facts', { agent });
  await Promise.allSettled(agents.map(({ name: agent }) => warden.call('drill.facts', { agent })));
}

async function drilled(fleet: Fleet, agents: readonly string[]): Promise<DrillDocument> {
  const stage = await openStage({ known: async ({ name }) => (await fleet.subject(name)).known });
  const close = async (): Promise<void> => {
    fleet.close();
    await stage.close();
  };
  const release = onSignals(close);
  const shown = progress(process.stderr, agents, FAMILIES, ACCESS);
  try {
    return await runDrill(fleet, stage, { agents, families: FAMILIES, access: ACCESS, onResult: shown.result });
  } finally {
    shown.end();
    await close();
    release();
  }
}

function writeReport(file: string, document: DrillDocument): void {
  try {
    writeFileSync(file, junit(document));
  } catch (error) {
    throw new Failure(
      'cannot-write',
      `The report cannot be written: ${(error as Error).message}`,
      'Name a file in a folder that is there: --junit drill.xml',
      1,
    );
  }
}
