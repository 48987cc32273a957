import type { MapDocument } from '../../../model/documents.ts';
import { agentName } from '../../../model/names.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { renderMap } from '../render/map.ts';

export async function run({ state, operands }: Call): Promise<Answer> {
  const body = operands[0] === undefined ? {} : { agent: agentName(operands[0]) };
  const map = await withWarden(state, 'nothing is known of what an agent can do', async (warden) => {
    return (await warden.call('map', body)) as MapDocument;
  });
  return { document: map, text: (screen) => renderMap(map, screen) };
}
