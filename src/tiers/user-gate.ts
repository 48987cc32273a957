import type { CompartmentFacts, GateFacts, SystemView } from './facts.ts';
import { CODE, READ } from './inside.ts';
import type { MountFlags, Order } from './orders.ts';

/** Tier `user` where programs are asked for. Its agent sees the host's own folders, so what is not allowed has to be taken away:
 *  - in the program folders stands a folder of ours with the allowed programs, and a stub under every other name;
 *  - all that holds no libraries is noexec;
 *  - in the rest, Landlock lets nothing be executed but the allowed files. It looks at the opened file, so no race of names gets past it;
 *    it says nothing about mapping code, which libraries need (landlock(7), LANDLOCK_ACCESS_FS_EXECUTE). */
export const STUB: string = '/etc/bulkhead/stub';
export const ANCHOR: string = '/etc/bulkhead/anchor';
/** A program that is on no list, for probes to try: it ends with 126. */
export const UNLISTED: string = '/etc/bulkhead/unlisted';

/** Of what is bound from the host. */
export function flagsOnHost(facts: CompartmentFacts, system: SystemView): (at: string) => MountFlags {
  if (facts.gate === undefined) return () => CODE;
  const elsewhere = allowedFiles(facts, facts.gate).filter((file) => !below(system.programFolders, file));
  // Where an allowed program is, its own libraries may be: everything at the top but /usr, where their places are known.
  const tops = elsewhere.map((file) => `/${file.split('/')[1]}`).filter((top) => top !== '/usr' && top !== '/etc');
  const code = [...system.libraries, ...tops];
  return (at) => (code.includes(at) || below(code, at) ? CODE : READ);
}

/** After the host's folders are there. @param stage  of the launcher: what is made here is seen only where it is bound to */
export function programFolderOrders(facts: CompartmentFacts, system: SystemView, root: string): Order[] {
  const { gate, stage } = facts;
  if (gate === undefined) return [];
  const made = `${stage}/programs`;
  const stub = `${made}/stub`;
  const folders = system.programFolders;
  const inFolders = (at: string): boolean => below(folders, at);
  const names = new Map(folders.map((folder) => [folder, [] as string[]]));
  const over = gate.over.filter(inFolders);
  for (const { folder, names: some } of gate.stubs) names.get(folder)?.push(...some);
  for (const file of over) names.get(parent(file))?.push(file.slice(parent(file).length + 1));
  const allowed = allowedFiles(facts, gate);
  const shown = flagsOnHost(facts, system);
  const links = new Map(facts.programs.flatMap((program) => program.links.map(({ at, to }) => [at, to] as const)));
  return [
    { do: 'dir', at: made, mode: '0755' },
    { do: 'stub', from: gate.stub, at: stub },
    ...folders.flatMap((folder, i): Order[] => [
      { do: 'dir', at: `${made}/${i}`, mode: '0755' },
      { do: 'stubs', of: stub, folder: `${made}/${i}`, names: names.get(folder) ?? [] },
      { do: 'bind', from: `${made}/${i}`, at: root + folder, flags: ['nosuid', 'nodev'] },
    ]),
    ...allowed.filter(inFolders).map((file): Order => ({ do: 'bind', from: file, at: root + file, flags: CODE })),
    ...[...links].filter(([at]) => inFolders(at)).map(([at, to]): Order => ({ do: 'link', to, at: root + at })),
    ...folders.map((folder): Order => ({ do: 'seal', at: root + folder, flags: CODE })),
    ...gate.over
      .filter((file) => !inFolders(file))
      .map((file): Order => ({ do: 'bind', from: stub, at: root + file, flags: CODE })),
    ...allowed
      .filter((at) => !inFolders(at) && shown(at) === READ)
      .map((file): Order => ({ do: 'bind', from: file, at: root + file, flags: CODE })),
    { do: 'bind', from: stub, at: root + STUB, flags: CODE },
    { do: 'stub', from: facts.anchor, at: `${made}/anchor` },
    { do: 'bind', from: `${made}/anchor`, at: root + ANCHOR, flags: CODE },
    { do: 'stub', from: gate.stub, at: `${made}/unlisted` },
    { do: 'bind', from: `${made}/unlisted`, at: root + UNLISTED, flags: CODE },
  ];
}

/** @param root  under which the compartment's root is found */
export function runsOrders(facts: CompartmentFacts, system: SystemView, root: string): Order[] {
  const { gate, agent } = facts;
  if (gate === undefined) return [];
  const own = agent.exec.own === 'allow' ? ['/workspace'] : [];
  const inside = [...system.loaders, ...allowedFiles(facts, gate), ...own, STUB, ANCHOR].map((at) => root + at);
  // What is approved is opened through a mount that begins at the agent's own folder of copies.
  return [{ do: 'runs', root, files: [...inside, gate.pins, `${gate.pins}/named/${agent.name}`] }];
}

/** Whether something of ours stands in place of it. */
export function isStubbed({ gate }: CompartmentFacts, { programFolders }: SystemView, file: string): boolean {
  return gate !== undefined && below(programFolders, file);
}

/** Whether this is what the kernel loads others with: it may be started as it is, and nothing may stand in place of it. */
export function loaded({ loaders }: SystemView, file: string): boolean {
  return loaders.includes(file);
}

/** Files and trees; a file whose arguments decide has a stub over it. */
function allowedFiles({ programs, trees }: CompartmentFacts, { over }: GateFacts): string[] {
  const files = programs.map(({ file }) => file).filter((file) => !over.includes(file));
  return [...new Set([...files, ...trees])].sort();
}

const parent = (path: string): string => path.slice(0, path.lastIndexOf('/'));
const below = (folders: readonly string[], path: string): boolean =>
  folders.some((folder) => path.startsWith(`${folder}/`));
