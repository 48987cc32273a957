import { agentName } from '../../../model/names.ts';
import type { UsageDocument } from '../../../model/usage.ts';
import type { Answer, Call } from '../call.ts';
import { withWarden } from '../connect.ts';
import { counted } from '../numbers.ts';
import { renderUsage } from '../render/usage.ts';

/** What agents have used, as the gateway counted it. */
export async function run({ state, operands, options }: Call): Promise<Answer> {
  const days = Math.max(1, counted('--days', options.days, 1, 400));
  const body = { days, ...(operands[0] !== undefined && { agent: agentName(operands[0]) }) };
  const usage = await withWarden(state, 'nothing is known of what agents use', async (warden) => {
    return (await warden.call('usage', body)) as UsageDocument;
  });
  return { document: usage, text: (screen) => renderUsage(usage, screen) };
}
