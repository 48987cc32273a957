import { randomBytes } from 'node:crypto';
import {
  closeSync,
  fchmodSync,
  fchownSync,
  lstatSync,
  openSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { canonicalJson } from '../../model/canonical.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedFleet } from '../../model/fleet.ts';
import type { Suggestion } from '../../policy/suggestions.ts';
import { withEntry } from './config/edit.ts';
import { parseFleet } from './config/parse.ts';
import { readFleet, whoAsks } from './config/read.ts';

/** Writes a suggestion into the fleet file. The text is read again before it is written: it must mean what it meant, and that one entry more.
 *  @throws Failure `not-edited`, with the line to add by hand */
export function adopt(file: string, suggestion: Suggestion): void {
  if (lstatSync(file, { throwIfNoEntry: false })?.isSymbolicLink())
    throw new Failure(
      'not-edited',
      `${file} was not changed: it is a symbolic link, which would become a file of its own.`,
      `Name the file that it leads to: bulkhead approvals suggest --apply ${suggestion.id} -f FILE`,
      1,
    );
  const before = readFleet(file);
  const text = readFileSync(file, 'utf8');
  const byHand = (why: string): Failure =>
    new Failure('not-edited', `${file} was not changed: ${why}.`, `Add it by hand: ${suggestion.line}`, 1);
  const agent = before.agents.find(({ name }) => name === suggestion.agent);
  if (!agent) throw byHand(`it has no agent ${suggestion.agent}`);
  const inExec = suggestion.key[0] === 'exec';
  if (inExec && agent.exec.allow.includes(suggestion.entry)) throw byHand('the line stands there already');
  const next = withEntry(text, suggestion.agent, suggestion.key, suggestion.entry, inExec ? agent.exec.allow : []);
  if (next === undefined) throw byHand('it is written in a way that cannot be edited safely');
  const after = parseFleet(next, { source: before.source, file, ...whoAsks() });
  if (!onlyAdded(before, after, suggestion, inExec)) throw byHand('the result would mean something else too');
  replace(file, next);
}

/** With owner and mode of what is replaced. The folder may be somebody else's, and we root: nothing there is followed or written over. */
function replace(file: string, text: string): void {
  const { mode, uid, gid } = statSync(file);
  const next = `${file}.${randomBytes(6).toString('hex')}`;
  const fd = openSync(next, 'wx', 0o600); // open(2): O_EXCL follows no link
  try {
    writeFileSync(fd, text, { flush: true });
    if (process.getuid?.() === 0) fchownSync(fd, uid, gid);
    fchmodSync(fd, mode & 0o777);
  } finally {
    closeSync(fd);
  }
  renameSync(next, file);
}

function onlyAdded(before: WantedFleet, after: WantedFleet, { agent, entry }: Suggestion, inExec: boolean): boolean {
  const agents = after.agents.map((one) => {
    if (one.name !== agent) return one;
    if (inExec && one.exec.allow.at(-1) === entry)
      return { ...one, exec: { ...one.exec, allow: one.exec.allow.slice(0, -1) } };
    return inExec ? one : { ...one, egress: one.egress.slice(0, -1) };
  });
  const added = after.agents.find(({ name }) => name === agent);
  const was = before.agents.find(({ name }) => name === agent);
  const one = inExec
    ? added?.exec.allow.length === (was?.exec.allow.length ?? 0) + 1
    : added?.egress.length === (was?.egress.length ?? 0) + 1;
  return one && canonicalJson({ ...after, agents }) === canonicalJson(before);
}
