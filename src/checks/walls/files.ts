import { fullUnless, held, type Judge, none, one, type ProbeFacts } from './facts.ts';

/** The system is read-only, and the writable places are the ones that were given: private, and neither setuid nor devices there. */
export const files: Judge = (facts, expected) => {
  const mounts = mountsOf(facts);
  if (mounts.length === 0) return none('the mounts could not be read');
  const written = expected.closed.filter((path) => one(facts, `try.write.${path}`) === 'done');
  const unknown = expected.closed.filter((path) => !written.includes(path) && !held(facts, `try.write.${path}`));
  if (written.includes('/')) return none('the root of the compartment can be written');
  const cutOff = expected.readable.filter((path) => one(facts, `try.read.${path}`) !== 'done');
  const read = (expected.onHost?.system ?? []).filter((path) => one(facts, `try.read.${path}`) === 'done');
  const sockets = facts.inside.get('socket') ?? [];
  const writable = mounts.filter(({ options }) => options.includes('rw'));
  const strange = writable.filter(({ at }) => !mayBeWritable(at, expected.open));
  const loose = writable.filter(
    ({ at, options }) => !options.includes('nosuid') || (!options.includes('nodev') && !at.startsWith('/dev/')),
  );
  return fullUnless([
    written.length > 0 && `it can write ${written.join(', ')}`,
    unknown.length > 0 && `could not be tried: ${unknown.join(', ')}`,
    cutOff.length > 0 && `it cannot read ${cutOff.join(', ')}`,
    strange.length > 0 && `writable besides its own places: ${strange.map(({ at }) => at).join(', ')}`,
    loose.length > 0 && `set-id programs or devices count on ${loose.map(({ at }) => at).join(', ')}`,
    read.length > 0 && `it reads what everybody on this machine may read, in ${read.join(', ')}`,
    sockets.length > 0 && `sockets of the host that everybody may write to: ${sockets.slice(0, 5).join(', ')}`,
    facts.outside.masksGone.length > 0 && `not masked any more: ${facts.outside.masksGone.join(', ')}`,
  ]);
};

export interface Mount {
  readonly at: string;
  readonly options: readonly string[];
  readonly type: string;
}

export function mountsOf(facts: ProbeFacts): Mount[] {
  return (facts.inside.get('mount') ?? []).map((line) => {
    const [at = '', options = '', type = ''] = line.split(' ');
    return { at, options: options.split(','), type };
  });
}

/** The places that are its own, what is pinned in a shared workspace, its terminals, single devices, and proc, which the kernel
 *  itself guards. */
function mayBeWritable(at: string, open: readonly string[]): boolean {
  return open.some((place) => at === place || at.startsWith(`${place}/`)) || at === '/proc' || /^\/dev\/\w+$/.test(at);
}
