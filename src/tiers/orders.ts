/** What the launcher (src/host/launch/launch.pl) is told, in order. A closed list: there is nothing in it for the launcher to decide. */
export type Order =
  /** The compartment is in the host's process namespace: the launcher forks first, its child carries out all that follows, and it
   *  stays outside as root, out of the agent's reach. With `kill` (a cgroup.kill file) it ends all that is in there when
   *  the child ends, or the warden. */
  | { readonly do: 'beside'; readonly kill?: string }
  /** Write the launcher's pid to this cgroup.procs file. */
  | { readonly do: 'cgroup'; readonly procs: string }
  /** Enter the network namespace bound to this path. */
  | { readonly do: 'netns'; readonly path: string }
  /** A new, empty network namespace: for a program that has no network. */
  | { readonly do: 'emptynet' }
  /** We are an ordinary user and become nobody else; what namespaces there are to join, an `outer` one comes first. */
  | { readonly do: 'rootless' }
  /** Rootless: a user namespace of our own, with a network that has these packet filter rules, and a mount namespace. */
  | { readonly do: 'userns'; readonly rules: string }
  /** Rootless: at most so many processes in the compartment. */
  | { readonly do: 'nproc'; readonly most: number }
  /** New namespaces of these kinds, besides the mount namespace that comes with the stage. */
  | { readonly do: 'unshare'; readonly kinds: readonly Namespace[] }
  /** Abstract Unix sockets of processes outside, and signals to them, are out of reach (Landlock, where the kernel has it). */
  | { readonly do: 'scopes' }
  /** Of all that this root shows only these files, and files below these folders, can be executed (Landlock, where the kernel has it). */
  | { readonly do: 'runs'; readonly root: string; readonly files: readonly string[] }
  /** Dial mode: the port inside. */
  | { readonly do: 'port'; readonly port: number }
  /** Tree mode: the folder. */
  | { readonly do: 'tree'; readonly at: string }
  /** A mount namespace of its own and an empty tmpfs on `at`, where the compartment's root is put together. */
  | { readonly do: 'stage'; readonly at: string }
  | { readonly do: 'tmpfs'; readonly at: string; readonly flags: MountFlags; readonly data: string }
  | { readonly do: 'devpts'; readonly at: string }
  /** A proc file system in which the processes of other users do not appear (proc(5), hidepid). */
  | { readonly do: 'proc'; readonly at: string }
  | { readonly do: 'dir'; readonly at: string; readonly mode: string }
  | { readonly do: 'file'; readonly at: string; readonly mode: string; readonly text: string }
  | { readonly do: 'link'; readonly to: string; readonly at: string }
  /** A file that can be executed and not read, with the bytes of another. */
  | { readonly do: 'stub'; readonly from: string; readonly at: string }
  /** More names of such a file, in one folder. */
  | { readonly do: 'stubs'; readonly of: string; readonly folder: string; readonly names: readonly string[] }
  | { readonly do: 'bind'; readonly from: string; readonly at: string; readonly flags: MountFlags }
  | { readonly do: 'device'; readonly from: string; readonly at: string }
  /** A folder of the host's, entry by entry: its folders bound, its links as they are, its files as links to where it is bound
   *  whole (`through`, below `at`), so that one that is replaced by rename is seen. Names in `but` are left out. */
  | {
      readonly do: 'spread';
      readonly from: string;
      readonly at: string;
      readonly through: string;
      readonly but: readonly string[];
      readonly flags: MountFlags;
    }
  /** From here on this is the root, and what was there before is gone. */
  | { readonly do: 'root'; readonly at: string }
  /** A bind whose owner on disk (`disk`) appears as `seen`. */
  | {
      readonly do: 'idbind';
      readonly from: string;
      readonly at: string;
      readonly flags: MountFlags;
      readonly uids: IdPair;
      readonly gids: IdPair;
    }
  /** Changes the flags of a mount that is there. */
  | { readonly do: 'seal'; readonly at: string; readonly flags: MountFlags }
  /** Mend mode: this name in the compartment's mount namespace, as it stands there, read-only; a link is not followed. */
  | { readonly do: 'cover'; readonly at: string; readonly flags: MountFlags }
  /** A namespace of a running compartment, to be joined. */
  | { readonly do: 'ns'; readonly kind: Namespace; readonly path: string }
  | { readonly do: 'uid' | 'gid' | 'group'; readonly id: number }
  | { readonly do: 'env'; readonly name: string; readonly value: string }
  | { readonly do: 'arg'; readonly value: string }
  | { readonly do: 'cwd'; readonly path: string }
  | { readonly do: 'tty' }
  | { readonly do: 'umask'; readonly mode: string }
  /** Program mode: it may stay root, and has these capabilities (capabilities(7), by number) and no others. */
  | { readonly do: 'caps'; readonly keep: readonly number[] }
  /** Program mode: so many descriptors, from 4 on, become the program's from 3 on. */
  | { readonly do: 'keep'; readonly count: number }
  /** The seccomp filter's bytes are in this file. */
  | { readonly do: 'filter'; readonly path: string }
  /** The exec gate answers for what the process starts: the filter's listener goes out on descriptor 4 under this agent's name, with
   *  device and inode of the stub inside. */
  | { readonly do: 'gate'; readonly agent: string; readonly stub: string }
  /** Script mode: a module that is loaded before the launcher is confined. */
  | { readonly do: 'use'; readonly module: ScriptModule }
  /** Script mode: the Perl text, and what it finds in %A. */
  | { readonly do: 'text'; readonly text: string }
  | { readonly do: 'set'; readonly name: string; readonly value: string }
  /** Enter mode: all is said but what to run. The launcher enters and confines itself; then come env, cwd, arg and end, or nothing. */
  | { readonly do: 'hold' }
  /** The last one: orders that are cut off are not carried out at all. */
  | { readonly do: 'end' };

export type ScriptModule = 'POSIX' | 'Socket' | 'Fcntl';

export type MountFlag = 'ro' | 'nosuid' | 'nodev' | 'noexec';
export type MountFlags = readonly MountFlag[];
/** `outer`: the user namespace around a rootless compartment. */
export type Namespace = 'outer' | 'cgroup' | 'ipc' | 'uts' | 'net' | 'pid' | 'mnt' | 'user';
export interface IdPair {
  readonly disk: number;
  readonly seen: number;
}

// biome-ignore lint/suspicious/noControlCharactersInRegex: these are what a field may not hold
const CONTROL = /[\u0000-\u001f\u007f]/;

/** One line an order, fields separated by tabs, ended by a newline.
 *  @throws TypeError when a field holds a control character: such a path must have been refused at the door */
export function orderLine(order: Order): string {
  const fields = fieldsOf(order);
  for (const field of fields)
    if (CONTROL.test(field)) throw new TypeError(`a field of order ${order.do} holds a control character`);
  return `${[order.do, ...fields].join('\t')}\n`;
}

export function orderText(orders: readonly Order[]): string {
  return orders.map(orderLine).join('');
}

function fieldsOf(order: Order): string[] {
  switch (order.do) {
    case 'beside':
      return order.kill === undefined ? [] : [order.kill];
    case 'cgroup':
      return [order.procs];
    case 'unshare':
      return [order.kinds.join(',')];
    case 'netns':
    case 'filter':
      return [order.path];
    case 'cwd':
      return [hex(order.path)];
    case 'userns':
      return [hex(order.rules)];
    case 'nproc':
      return [String(order.most)];
    case 'port':
      return [String(order.port)];
    case 'emptynet':
    case 'rootless':
    case 'scopes':
    case 'tty':
    case 'hold':
    case 'end':
      return [];
    case 'use':
      return [order.module];
    case 'stage':
    case 'tree':
    case 'devpts':
    case 'proc':
    case 'root':
      return [order.at];
    case 'tmpfs':
      return [order.at, order.flags.join(','), order.data];
    case 'dir':
      return [order.at, order.mode];
    case 'file':
      return [order.at, order.mode, hex(order.text)];
    case 'link':
      return [order.to, order.at];
    case 'stub':
      return [order.from, order.at];
    case 'stubs':
      return [order.of, order.folder, ...order.names];
    case 'gate':
      return [order.agent, order.stub];
    case 'runs':
      return [order.root, ...order.files];
    case 'bind':
      return [order.from, order.at, order.flags.join(',')];
    case 'device':
      return [order.from, order.at];
    case 'spread':
      return [order.from, order.at, order.through, order.but.join(','), order.flags.join(',')];
    case 'idbind':
      return [order.from, order.at, order.flags.join(','), pair(order.uids), pair(order.gids)];
    case 'seal':
    case 'cover':
      return [order.at, order.flags.join(',')];
    case 'ns':
      return [order.kind, order.path];
    case 'uid':
    case 'gid':
    case 'group':
      return [String(order.id)];
    case 'env':
    case 'set':
      return [order.name, hex(order.value)];
    case 'arg':
      return [hex(order.value)];
    case 'caps':
      return order.keep.map(String);
    case 'umask':
      return [order.mode];
    case 'keep':
      return [String(order.count)];
    case 'text':
      return [hex(order.text)];
  }
}

const hex = (text: string): string => Buffer.from(text, 'utf8').toString('hex');
const pair = (ids: IdPair): string => `${ids.disk} ${ids.seen}`;
