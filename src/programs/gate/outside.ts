import { Failure } from '../../model/failure.ts';
import type { Client } from '../../wire/client.ts';
import { receiveDescriptors } from '../../wire/handover.ts';
import type { Asked, ToHot } from './messages.ts';

/** What the warden says to a command that is to run outside. */
interface Reply {
  readonly state: 'go' | 'no';
  readonly ticket?: number;
  readonly line?: string;
}

/** No rule has more words. */
const MOST_WORDS = 64;

/** A call of bulkhead-do: the warden judges it, holds it where a person is asked, and runs it; we hand its socket on.
 *  @param left  whether whoever called is gone, or asks again */
export async function runOutside(
  asked: Asked,
  warden: Client,
  descriptors: number,
  say: (message: ToHot) => void,
  left: () => boolean,
): Promise<void> {
  const { agent, place, id, argv } = asked;
  const refused = (line: string): void => {
    const record = { event: 'exec.denied', agent, path: asked.program.file, argv, rule: line };
    say({ do: 'refuse', place, id, line, record });
  };
  if (argv.length < 2) return refused('bulkhead: name the command: bulkhead-do COMMAND ARGUMENT...');
  try {
    const words = argv.slice(1, MOST_WORDS + 2);
    const verdict = (await warden.call('elevated.ask', { agent, argv: words })) as Reply;
    if (left()) return;
    if (verdict.state === 'no') return refused(verdict.line ?? 'bulkhead: not run outside');
    const taken = (): number | undefined => receiveDescriptors(descriptors)[0];
    const fd = (await warden.call('elevated.start', { ticket: verdict.ticket }, taken)) as number | undefined;
    if (fd === undefined) return refused('bulkhead: not run outside: no socket came');
    say({ do: 'connect', place, id, fd });
  } catch (error) {
    if (error instanceof Failure && error.code === 'not-granted')
      return runOutside(asked, warden, descriptors, say, left); // used up by another
    return refused(`bulkhead: not run outside: ${(error as Error).message}`);
  }
}
