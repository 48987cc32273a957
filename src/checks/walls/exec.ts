import { type Expected, fullUnless, held, type Judge, none, one, type ProbeFacts } from './facts.ts';
import { mountsOf } from './files.ts';

/** Only the allowed programs are there, and nothing that the agent can write can be started. */
export const exec: Judge = (facts, expected) => {
  const listed = facts.inside.get('programs');
  if (listed === undefined) return none('the programs could not be listed');
  const extra = listed
    .flatMap((names) => names.split(' '))
    .filter((name) => name !== '' && !expected.programs.includes(name));
  const ran = expected.open.filter((place) => one(facts, `try.exec.${place}`) === 'done');
  const unknown = expected.open.filter((place) => !ran.includes(place) && !held(facts, `try.exec.${place}`));
  const own = expected.ownPrograms ? ['/workspace'] : [];
  const stray = ran.filter((place) => !own.includes(place));
  const executable = mountsOf(facts).filter(
    ({ at, options }) =>
      options.includes('rw') &&
      !options.includes('noexec') &&
      !own.some((place) => at === place || at.startsWith(`${place}/`)),
  );
  const covered = new Set(mountsOf(facts).map(({ at }) => at));
  const uncovered = (expected.onHost?.denied ?? []).filter((path) => !covered.has(path));
  return fullUnless([
    ...(expected.onHost ? onHost(facts, expected.onHost) : []),
    uncovered.length > 0 && `denied, and not covered: ${uncovered.join(', ')}`,
    (!expected.onHost || expected.onHost.unlisted !== undefined) &&
      extra.length > 0 &&
      `programs that are not allowed: ${extra.slice(0, 5).join(', ')}`,
    stray.length > 0 && `a program it wrote ran in ${stray.join(', ')}`,
    unknown.length > 0 && `could not be tried in ${unknown.join(', ')}`,
    executable.length > 0 && `writable and executable: ${executable.map(({ at }) => at).join(', ')}`,
    one(facts, 'call.memfd') !== '38' && one(facts, 'call.memfd') !== '1' && 'programs can be started from memory',
    expected.ownPrograms && 'programs it made itself run in /workspace (exec.own: allow)',
  ]);
};

/** Tier `user`: the mounts leave what lies among libraries, and there Landlock holds what is executed, but not what is mapped. */
function onHost(facts: ProbeFacts, { unlisted }: NonNullable<Expected['onHost']>): (string | false)[] {
  if (unlisted === undefined) return ['every program of this machine can be started (tier user)'];
  return [
    !held(facts, `try.exec.${unlisted}`) &&
      'programs outside of the program folders can be started, and nobody is asked (Landlock is off here)',
    'what lies among the libraries (/usr/lib, /opt) can be run through the dynamic loader (tier user)',
  ];
}
