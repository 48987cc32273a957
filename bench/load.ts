import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Done, Job } from './clients/tls-client.ts';
import { HOST } from './internet.ts';

/** A way to the same server: where the clients are, where they connect to, whose processor time counts. */
export interface Way {
  readonly name: string;
  /** The network namespace of each client; undefined is the host's. */
  readonly netns: (client: number) => string | undefined;
  readonly to: Job['to'];
  readonly connect: boolean;
  readonly pids: () => readonly number[];
}

/** Clients that wait for each other and then begin together. */
export async function load(
  way: Way,
  what: Job['what'],
  amount: number,
  atOnce: number,
  clients: number,
): Promise<Done[]> {
  const program = fileURLToPath(new URL('clients/tls-client.ts', import.meta.url));
  const running = await Promise.all(
    Array.from({ length: clients }, async (_, client) => {
      const job: Job = { host: HOST, to: way.to, connect: way.connect, what, amount, atOnce };
      const netns = way.netns(client);
      const [command = '', ...args] = [
        ...(netns === undefined ? [] : ['ip', 'netns', 'exec', netns]),
        ...[process.execPath, '--disable-warning=ExperimentalWarning', program, JSON.stringify(job)],
      ];
      const child = spawn(command, args, { stdio: ['pipe', 'pipe', 'pipe'] });
      let said = '';
      child.stderr.on('data', (chunk: Buffer) => {
        said += chunk.toString();
      });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      const next = async (): Promise<string> => {
        const { value, done } = await lines.next();
        if (done) throw new Error(`${way.name}, ${what}: ${/Error: .*/.exec(said)?.[0] ?? 'the client ended'}`);
        return value as string;
      };
      await next();
      return { go: () => child.stdin.write('go\n'), next };
    }),
  );
  for (const { go } of running) go();
  return Promise.all(running.map(async ({ next }) => JSON.parse(await next()) as Done));
}

/** The address that a compartment's DNS gives to a name. */
export async function resolved(netns: string, name: string): Promise<string> {
  const code = `const r = new (require('dns').Resolver)(); r.setServers(['198.18.0.1']); r.resolve4(${JSON.stringify(name)}, (e, a) => console.log(e ? e.code : a[0]))`;
  const child = spawn('ip', ['netns', 'exec', netns, process.execPath, '-e', code], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const [text] = (await once(child.stdout, 'data')) as [Buffer];
  const address = text.toString().trim();
  if (!/^[\d.]+$/.test(address)) throw new Error(`${name} has no address in ${netns}: ${address}`);
  return address;
}
