import { readFileSync } from 'node:fs';
import { basename, dirname } from 'node:path';
import { BULKHEAD_DO } from '../../model/elevated.ts';
import { Failure } from '../../model/failure.ts';
import type { WantedAgent } from '../../model/fleet.ts';
import type { Places } from '../../plan/places.ts';
import { commandPolicy, hasArgvRules } from '../../policy/command/judge.ts';
import type { CompartmentFacts, GateFacts } from '../../tiers/facts.ts';
import { copiesIn, findProgram, type Installed } from '../view/programs.ts';

/** Whether anything is asked for, or judged by its arguments. */
export function isGated({ exec, elevated }: WantedAgent): boolean {
  return (
    exec.ask === 'on-miss' ||
    exec.own === 'ask' ||
    (elevated ?? []).length > 0 ||
    [exec.allowArgv, exec.askArgv, exec.denyArgv].some((rules) => rules?.length)
  );
}

/** A stub for every program of the host that is not simply allowed, and over each that is, but whose arguments decide.
 *  @throws Failure where there can be no gate */
export function gateFacts(
  { exec, elevated }: WantedAgent,
  { places, installed }: { readonly places: Places; readonly installed: readonly Installed[] },
  programs: CompartmentFacts['programs'],
  trees: readonly string[],
): GateFacts {
  if (readFileSync('/proc/sys/fs/suid_dumpable', 'utf8').trim() === '1')
    throw new Failure(
      'open-programs',
      'fs.suid_dumpable is 1, so an agent could change a program while a person is asked for it.',
      'Run: sysctl -w fs.suid_dumpable=0 (0 is what kernels come with), or use exec.ask: never.',
      3,
    );
  const policy = commandPolicy(exec, []);
  const there = new Set(programs.flatMap(({ file, links }) => [file, ...links.map(({ at }) => at)]));
  const ruled = programs.filter(({ name, file, links }) =>
    hasArgvRules(policy, [name, ...[file, ...links.map(({ at }) => at)].flatMap((at) => [at, basename(at)])]),
  );
  const over = ruled.flatMap(({ name, file }) =>
    [file, ...copiesIn(trees, file)].map((at) => ({ at, name, file: at })),
  );
  const missing = exec.ask === 'never' ? [] : installed.filter(({ at }) => !there.has(at));
  const outside = elevated?.length ? [{ at: BULKHEAD_DO, name: basename(BULKHEAD_DO), file: BULKHEAD_DO }] : [];
  const stubbed = [...missing.filter(({ at }) => at !== BULKHEAD_DO), ...outside];
  const folders = Map.groupBy(stubbed, ({ at }) => dirname(at));
  return {
    filter: places.gatedFilter,
    stub: places.stub,
    pins: places.pins,
    stubs: [...folders].map(([folder, some]) => ({ folder, names: some.map(({ name }) => name) })),
    over: [...new Set(over.map(({ at }) => at))],
    behind: Object.fromEntries([...stubbed, ...over].toReversed().map(({ at, name, file }) => [at, { name, file }])), // the first name is the file's
    denied: exec.deny.flatMap((name) => [name, findProgram(name)?.file ?? name]),
  };
}
