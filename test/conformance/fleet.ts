import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { chmodSync, chownSync, mkdirSync, writeFileSync } from 'node:fs';
import { createInterface } from 'node:readline';
import { type HostNet, withHostNet } from '../e2e/host-net.ts';
import { type Stand, withFleet } from '../e2e/stand.ts';

/** What is claimed of every tier, and what differs, as values. */
export interface TierValues {
  readonly tier: 'user' | 'sandbox';
  /** Its two agents: one with a folder of its own, one over a folder of the operator's. */
  readonly agent: string;
  readonly sharer: string;
  readonly port: number;
  /** Walls that are not full, for an agent that runs nothing it built. */
  readonly partial: readonly string[];
  /** How a program that was not granted ends, and one that is denied. */
  readonly ungranted: number;
  readonly denied: number;
  /** A file of the host's that everybody there may read. */
  readonly openFile: 'read' | 'absent';
  /** A file of the host's that is closed to others. */
  readonly closedFile: 'refused' | 'absent';
}

export const TIERS: readonly TierValues[] = [
  {
    ...{ tier: 'sandbox', agent: 'boxed', sharer: 'boxshare', port: 18_411 },
    ...{ partial: [], ungranted: 126, denied: 126, openFile: 'absent', closedFile: 'absent' },
  },
  {
    ...{ tier: 'user', agent: 'plain', sharer: 'plainshare', port: 18_412 },
    ...{ partial: ['exec', 'files', 'network', 'processes'], ungranted: 126, denied: 126 },
    ...{ openFile: 'read', closedFile: 'refused' },
  },
];

export interface Ground {
  readonly stand: Stand;
  readonly host: HostNet;
  readonly folder: string;
  /** Of a service on the loopback of the host, granted as `allowed.test`, and of one that is not. */
  readonly allowed: number;
  readonly forbidden: number;
}

export const LIMITS = { memoryMiB: 160, processes: 40, diskMiB: 64 } as const;

/** Writes the time into a file again and again, and answers on its port. */
const HEART = `
import http.server, threading, time, os
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'from ' + os.environ['WHO'].encode())
    def log_message(self, *_): pass
threading.Thread(target=http.server.ThreadingHTTPServer(('127.0.0.1', int(os.environ['PORT'])), Answer).serve_forever, daemon=True).start()
while True:
    open('/workspace/heart', 'w').write(str(time.monotonic())); time.sleep(0.05)
`;

/** Answers on two free ports of the loopback, and says which. */
const SERVICES = `
import http.server, threading
class Answer(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200); self.end_headers(); self.wfile.write(b'service of the host')
    def log_message(self, *_): pass
servers = [http.server.ThreadingHTTPServer(('127.0.0.1', 0), Answer) for _ in range(2)]
print(*[s.server_port for s in servers], flush=True)
for s in servers: threading.Thread(target=s.serve_forever).start()
`;

function yaml(folder: string, allowed: number): string {
  const agents = TIERS.map(
    ({ tier, agent, sharer, port }) => `
  ${agent}:
    tier: ${tier}
    command: [python3, /knowledge/notes/heart.py]
    env: { WHO: ${agent}, PORT: "${port}" }
    ports: [${port}]
    knowledge: [notes]
    egress: [{ host: allowed.test, port: ${allowed}, address: 127.0.0.1 }]
  ${sharer}:
    tier: ${tier}
    workspace: ${folder}/${sharer}
    shared: true`,
  );
  const { memoryMiB, processes, diskMiB } = LIMITS;
  return `
defaults:
  limits: { memory: ${memoryMiB}M, processes: ${processes}, cpu: 100%, disk: ${diskMiB}M }
  exec: { sets: [base, python], deny: [base64] }
  ask: { wait: 1s }
knowledge: { notes: ${folder}/notes }
agents:${agents.join('')}
`;
}

const OPERATOR = 1234;

/** One fleet with agents of every tier, in a network of its own that plays the host's, with two services of the host. */
export async function withTiers(use: (ground: Ground) => Promise<void>): Promise<void> {
  await withHostNet(async (host) => {
    const { child, ports } = await services(host);
    try {
      await withFleet(
        '',
        async (stand) => {
          const { folder } = stand;
          mkdirSync(`${folder}/notes`);
          writeFileSync(`${folder}/notes/heart.py`, HEART);
          writeFileSync(`${folder}/notes/page`, 'first\n');
          for (const { sharer } of TIERS) {
            mkdirSync(`${folder}/${sharer}`);
            chmodSync(`${folder}/${sharer}`, 0o755);
            chownSync(`${folder}/${sharer}`, OPERATOR, OPERATOR);
          }
          stand.write(yaml(folder, ports[0] ?? 0));
          const up = await stand.bulkhead(['up']);
          assert.equal(up.status, 0, `${up.stdout}${up.stderr}`);
          await use({ stand, host, folder, allowed: ports[0] ?? 0, forbidden: ports[1] ?? 0 });
        },
        { up: false, inside: host.inside },
      );
    } finally {
      child.kill('SIGKILL');
    }
  });
}

async function services({ inside }: HostNet): Promise<{ child: ChildProcess; ports: number[] }> {
  const child = spawn('nsenter', [...inside.slice(1), 'python3', '-c', SERVICES], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const line = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).once('line', resolve);
    child.once('exit', () => reject(new Error('no services')));
  });
  return { child, ports: line.split(' ').map(Number) };
}
