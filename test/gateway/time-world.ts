import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { EgressRule } from '../../src/model/fleet.ts';
import { listenTo } from './said.ts';
import { type Entry, World } from './world.ts';

// Time servers of all kinds in a pretended internet, each an hour ahead; datagrams from inside real compartment namespaces.

const KINDS = [
  'plain',
  'silent',
  'origin',
  'mode',
  'leap',
  'stratum',
  'long',
  'kiss',
  'late',
  'flood',
  'telling',
  'elsewhere',
];
/** Of a kind of server, by its number. */
export const at = (i: number): string => `203.0.113.${100 + i}`;
export const nameOf = (kind: string): string => `${kind}.test`;
export const clock = (host: string, address?: string): EgressRule => ({
  ...{ host, port: 123, protocol: 'ntp' },
  ...(address !== undefined && { address }),
});
const HOUR = 3_600_000;

export const world: World = new World();
/** What servers were sent. */
export const asked: { address: string; question: string; port: number }[] = [];

export async function startTimeWorld(): Promise<void> {
  await world.start({
    ...Object.fromEntries(KINDS.map((kind, i) => [nameOf(kind), at(i)])),
    'inner.test': '10.0.0.7',
  });
  for (const i of KINDS.keys()) execFileSync('ip', ['-n', world.outside, 'addr', 'add', `${at(i)}/32`, 'dev', 'lo']);
  const server = fileURLToPath(new URL('time-origin.ts', import.meta.url));
  const child = world.outsideBackground([process.execPath, server, ...KINDS.map((kind, i) => `${at(i)}=${kind}`)]);
  await listenTo(child, (one) => asked.push(one));
  await world.policy({ coder: [], clerk: [] });
  for (const agent of ['coder', 'clerk', 'saver']) await world.agent(agent);
}

/** Forgets what was asked: the rules go and come. */
export async function rules(...list: readonly EgressRule[]): Promise<void> {
  await world.policy({ coder: [], clerk: [] });
  await world.policy({ coder: list, clerk: list });
  asked.length = 0;
  world.entries.length = 0;
}

export const request = (transmit: string, version = 4): string =>
  Buffer.from([(version << 3) | 3]).toString('hex') + '00'.repeat(39) + transmit;
export const PLAIN: string = request('0102030405060708');

/** Sends datagrams from inside, one after the other. Once the last is answered, the others have a second left. @returns what came back for each in hexadecimal, and from where; '' for nothing */
export async function send(
  agent: string,
  host: string,
  messages: readonly string[],
  more: { wait?: number; from?: string } = {},
): Promise<string[]> {
  const { out, err } = await world.python(
    agent,
    `
import select
to=socket.getaddrinfo(${JSON.stringify(host)},123,type=socket.SOCK_DGRAM)[0]
all=[]
for m in ${JSON.stringify(messages)}:
  s=socket.socket(to[0],socket.SOCK_DGRAM)
  if ${more.from === undefined ? 'False' : 'True'}: s.bind((${JSON.stringify(more.from ?? '')},0))
  s.sendto(bytes.fromhex(m),to[4])
  all.append(s)
end=time.time()+${more.wait ?? 5}
came={}
while len(came)<len(all) and time.time()<end:
  for s in select.select([s for s in all if s not in came],[],[],max(0,end-time.time()))[0]:
    d,who=s.recvfrom(2000)
    came[s]=d.hex()+' '+('same' if who[0]==to[4][0] and who[1]==123 else str(who))
    if s is all[-1]: end=min(end,time.time()+1)
for s in all: print(came.get(s,''))
`,
  );
  assert.equal(err, '', JSON.stringify(world.entries.slice(-5)));
  return out.split('\n').slice(0, -1);
}

export interface Heard {
  readonly leap: number;
  readonly version: number;
  readonly mode: number;
  readonly stratum: number;
  readonly id: string;
  readonly origin: string;
  /** Milliseconds before our own clock. */
  readonly ahead: number;
}

export function heard(line: string = ''): Heard {
  const [bytes = '', who] = line.split(' ');
  assert.equal(who, 'same', `it came from ${who}: ${line}`);
  const message = Buffer.from(bytes, 'hex');
  assert.equal(message.length, 48);
  const first = message[0] ?? 0;
  const seconds = message.readUInt32BE(40) - 2_208_988_800 + message.readUInt32BE(44) / 0x100000000;
  return {
    ...{ leap: first >> 6, version: (first >> 3) & 7, mode: first & 7, stratum: message[1] ?? 0 },
    ...{
      id: message.toString('latin1', 12, 16),
      origin: message.toString('hex', 24, 32),
      ahead: seconds * 1000 - Date.now(),
    },
  };
}

export const isTime = (line: string | undefined): boolean => {
  const { mode, stratum, ahead } = heard(line);
  return mode === 4 && stratum === 2 && Math.abs(ahead - HOUR) < 60_000;
};
export const isDenied = (line: string | undefined): boolean => {
  const { leap, mode, stratum, id } = heard(line);
  return leap === 3 && mode === 4 && stratum === 0 && id === 'DENY';
};
export const denied = (host: string): Entry[] =>
  world.events('egress.denied').filter((one) => one.host === host && one.via === 'ntp');
