import { run } from './host-net.ts';

let count = 0;

/** A network namespace that plays the host, with loopback and nothing else: a drill makes the rest of its network itself.
 *  @param use  is given the words before a command, so that it runs in there */
export async function withLoneHost<T>(use: (inside: readonly string[]) => Promise<T>): Promise<T> {
  const name = `bhl${process.pid}x${++count}`;
  run('ip', 'netns', 'add', name);
  try {
    run('ip', '-n', name, 'link', 'set', 'lo', 'up');
    return await use(['nsenter', `--net=/run/netns/${name}`]);
  } finally {
    run('ip', 'netns', 'delete', name);
  }
}
