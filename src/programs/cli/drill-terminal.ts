import type { WriteStream } from 'node:tty';
import type { AccessTest, Family } from '../../drill/attack.ts';
import type { AccessResult, AttackResult } from '../../drill/verdict.ts';

/** One line that says how far a drill is; nothing where nobody watches. */
export function progress(
  stream: WriteStream,
  agents: readonly string[],
  families: readonly Family[],
  access: readonly AccessTest[],
): { result: (one: AttackResult | AccessResult) => void; end: () => void } {
  if (!stream.isTTY) return { result: () => {}, end: () => {} };
  const each = families.reduce((sum, family) => sum + family.attacks.length, access.length);
  const left = new Set(families.flatMap((family) => family.notApplicable.map(({ id }) => id)));
  let done = 0;
  return {
    result: ({ id, agent }) => {
      if (!left.has(id)) done += 1;
      stream.write(`\r\x1b[K${done} of ${each * agents.length}  ${agent}  ${id}`.slice(0, 4 + (stream.columns || 80)));
    },
    end: () => stream.write('\r\x1b[K'),
  };
}

const SIGNALS = { SIGINT: 2, SIGTERM: 15, SIGHUP: 1 } as const;

/** Cleans up before a signal ends us. @returns what puts things back as they were */
export function onSignals(close: () => Promise<void>): () => void {
  const handlers = Object.entries(SIGNALS).map(([signal, number]) => {
    const handler = (): void => {
      const leave = (): never => process.exit(128 + number);
      close().then(leave, leave);
    };
    process.once(signal, handler);
    return { signal, handler };
  });
  return () => {
    for (const { signal, handler } of handlers) process.removeListener(signal, handler);
  };
}
