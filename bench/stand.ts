import { execFile } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { removeTree } from '../src/host/files/mounts.ts';
import type { WantedFleet } from '../src/model/fleet.ts';
import { agentName, fleetName } from '../src/model/names.ts';
import { netnsName } from '../src/plan/fleet.ts';
import { type Places, placesOf } from '../src/plan/places.ts';
import { type Client, dial } from '../src/wire/client.ts';
import { sweep } from '../test/e2e/sweep.ts';
import { type Ground, TOP } from './ground.ts';

const run = promisify(execFile);
/** Another fleet that went up on this machine at the same moment took the number that was found free. */
const TAKEN = /already exists|which now belongs to/;
let count = 0;

/** A real fleet of the bench's own: its own state, its own names, gone with the ground it stands on. */
export class Stand {
  readonly fleet: string;
  readonly places: Places;
  readonly file: string;

  constructor(ground: Ground) {
    this.fleet = `q${process.pid}n${++count}`;
    this.places = placesOf(`/var/lib/bh-bench-${this.fleet}`);
    const folder = mkdtempSync('/root/bh-bench-');
    this.file = join(folder, 'fleet.yaml');
    ground.keep(() => removeTree(folder));
    ground.keep(() => this.clear(ground));
  }

  /** The state's command line. @throws with what it said, when it does not end well */
  async bulkhead(...args: readonly string[]): Promise<string> {
    const [first = '', ...rest] = args;
    const options = { env: { PATH: process.env.PATH ?? '' }, cwd: '/', maxBuffer: 1 << 26 };
    try {
      return (await run(join(TOP, 'bulkhead'), [first, '--state', this.places.state, ...rest], options)).stdout;
    } catch (error) {
      const { stdout, stderr } = error as { stdout?: string; stderr?: string };
      throw new Error(`bulkhead ${first}: ${`${stdout ?? ''}${stderr ?? ''}`.trim() || (error as Error).message}`);
    }
  }

  /** @param agents  the part of fleet.yaml below `agents:`. @returns milliseconds it took */
  async up(agents: string): Promise<number> {
    writeFileSync(this.file, `fleet: ${this.fleet}\nagents:\n${agents}`);
    for (let tries = 3; ; tries--) {
      const begun = performance.now();
      try {
        await this.bulkhead('up', '--let-go', '--file', this.file);
        return performance.now() - begun;
      } catch (error) {
        if (tries === 0 || !TAKEN.test((error as Error).message)) throw error;
      }
    }
  }

  /** A connection to its warden, closed by the caller. */
  warden(): Promise<Client> {
    return dial(this.places.wardenSocket);
  }

  /** The name of an agent's network namespace. */
  netns(agent: string): string {
    return netnsName(fleetName(this.fleet), agentName(agent));
  }

  wanted(): WantedFleet {
    return JSON.parse(readFileSync(this.places.wanted, 'utf8')) as WantedFleet;
  }

  /** Pids of warden, gateway and ledger. */
  async programs(): Promise<{ name: string; pid: number }[]> {
    const { programs } = JSON.parse(await this.bulkhead('status', '--json')) as {
      programs: { name: string; pid?: number }[];
    };
    return programs.flatMap(({ name, pid }) => (pid === undefined ? [] : [{ name, pid }]));
  }

  /** Takes it away now; the ground then finds nothing. */
  async clear(ground: Ground): Promise<void> {
    if (existsSync(this.places.state))
      await this.bulkhead('uninstall').catch((error: Error) => ground.say(error.message));
    const left = await sweep(this.places.state, this.fleet);
    if (left.length > 0) ground.say(`uninstall left: ${left.slice(0, 5).join('; ')}${left.length > 5 ? ' ...' : ''}`);
  }
}
