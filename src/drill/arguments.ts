/** What the texts of files/, processes/, control-plane/ and credentials/ find in `%A`, besides what network/ asks for. Inside a
 *  compartment a path of the host is what the host calls it: that nothing is there is the point. For a positive control each
 *  names a stand-in of the same shape. Lists are joined by ':'. Numbers are decimal. */
export const ARGUMENTS = {
  arch: 'x86_64 or aarch64',
  canary: 'a random word; whoever can say it has read something that was not his',
  every: 'set for a positive control that is to try every way, not only until one succeeds',
  workspace: "the agent's workspace, as it sees it; a fresh folder on an ordinary file system for a control",
  home: "the agent's home, as it sees it; likewise",
  write_dirs: 'every folder the agent is meant to be able to write to',
  noexec_dirs: 'those of write_dirs where nothing may run: without the workspace under exec.own: allow',
  size_limit: 'bytes: the larger of limits.disk and limits.memory; small for a control',
  process_limit: 'limits.processes; small for a control',
  memory_limit: 'bytes, limits.memory; small for a control',
  cpu_limit: 'per cent of one processor, limits.cpu; 5 for a control',
  masked: 'names in a shared workspace that tools of the host obey (src/tiers/masks.ts)',
  host_dir: 'a folder of the host that everybody there may read and search, laid out by src/host/arena/next-door.pl',
  sockets_dir:
    'a folder of the host where services have their sockets, all open to everybody, with run/ and tmp/ in it',
  host_devs: 'numbers of the file systems that the host has mounted (st_dev)',
  tier: 'of the agent; sandbox for a control',
  own_pid:
    "a process of the agent's own uid on the host, outside of the compartment, with the canary among its arguments and in its environment",
  meet_port: 'a free port of the host, at which two texts can meet',
  private_dir:
    "a folder of the host for its owner alone, with a file `secret` that holds the canary; the control's own",
  victim_pid: 'a process of the host, as the host counts, with the canary among its arguments and in its environment',
  abstract_name: 'an abstract socket that somebody listens on in the network namespace of the host',
  shm_key: 'a System V key with a segment of mode 0666 on the host that begins with the canary',
  queue_name: 'a POSIX message queue of the host, mode 0666',
  tmp_file: 'a file in /tmp of the host, readable to all, with the canary',
  shm_file: 'likewise in /dev/shm',
  state_dir: 'STATE',
  warden_sock: 'STATE/run/warden.sock',
  ledger_sock: 'STATE/run/ledger/ledger.sock',
  install_dir: 'the tree that the programs run from',
  warden_pid: 'pids of the host: the programs, each not below those it would be counted with',
  ledger_pid: 'likewise',
  gateway_pid: 'likewise',
  other_home:
    'the home of another agent, as the host sees it, with a file `.claude/projects/drill.jsonl` that holds the canary',
  other_workspace: 'the workspace of another agent, as the host sees it',
  own_uid: 'the uid of the agent, as the host counts',
  other_uid: 'the uid of another agent',
  other_pid: 'a process of another agent, as the host counts',
  ungranted:
    'an absolute path of a program of the host that the agent was not granted and that ends with 0 on --version',
} as const;

export type ArgumentName = keyof typeof ARGUMENTS;

/** The names a text reads from `%A`. */
export function argumentsOf(program: string): string[] {
  return [...new Set([...program.matchAll(/\$A\{(\w+)\}/g)].map((found) => found[1] as string))].sort();
}
