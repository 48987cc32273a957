import { fullUnless, held, type Judge, none, one } from './facts.ts';

/** A Unix user of its own that is nobody else, has no capability and no way to one, and sees no home but its own. */
export const identity: Judge = (facts, expected) => {
  const uids = one(facts, 'self.Uid')?.split(' ') ?? [];
  if (uids.includes('0')) return none('the agent runs as root');
  if (uids.length === 0 || uids.some((uid) => Number(uid) !== expected.uid))
    return none(`the agent has uid ${uids.join('/')}, not ${expected.uid}`);
  const [mode, owner] = one(facts, 'home')?.split(' ') ?? [];
  const groups = one(facts, 'self.Groups');
  // On the host's own file system a closed home may stand in sight.
  const seen = expected.homes.filter((home) => one(facts, `${expected.onHost ? 'entered' : 'seen'}.${home}`) !== 'no');
  return fullUnless([
    one(facts, 'self.Gid')
      ?.split(' ')
      .some((gid) => Number(gid) !== expected.gid) !== false && 'its group is another',
    expected.rootless &&
      'it runs under your own uid: namespaces keep your files and programs out of its reach, no other user does',
    expected.rootless
      ? ownGroups(groups, expected.gid)
      : groups !== expected.groups.join(' ') && `it has the groups ${groups ?? 'unknown'}`,
    // EINVAL (setresuid(2)): the id does not even exist in its user namespace.
    !held(facts, 'try.become-root') && one(facts, 'try.become-root') !== 'refused 22' && 'it can become root',
    facts.outside.hostGroups.length > 0 && `its user is in ${facts.outside.hostGroups.join(', ')}`,
    mode !== '0700' && `its home has mode ${mode ?? 'unknown'}, not 0700`,
    Number(owner) !== expected.uid && 'its home belongs to another',
    seen.length > 0 && `it ${expected.onHost ? 'can enter' : 'sees'} ${seen.join(', ')}`,
  ]);
};

/** Only root may take groups away (setgroups(2)); in a user namespace those that are not mapped have the number 65534. */
function ownGroups(groups: string | undefined, gid: number): string | undefined {
  if (groups === undefined) return 'its groups are unknown';
  const others = groups.split(' ').filter((group) => group !== '' && Number(group) !== gid);
  return others.length === 0
    ? undefined
    : `it keeps your ${others.length === 1 ? 'other group' : `${others.length} other groups`}, which count for what it can see`;
}
