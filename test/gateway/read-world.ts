import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { sealed } from '../../src/programs/cli/seal.ts';
import { listenTo } from './said.ts';
import { World } from './world.ts';

export const VALUE = 'real-Value-0123456789-abcdefghij';
export const FAR = '203.0.113.10';

/** How many answers are there from head to end (RFC 9112, 6.3); one that ends with the connection never is. */
const WHOLE = `
import re
def whole(text):
  count=0
  while True:
    head,end,rest=text.partition(b'\\r\\n\\r\\n')
    if not end: return count
    head=head.lower(); status=int(head.split()[1]); length=re.search(rb'content-length: *([0-9]+)',head)
    if b'transfer-encoding: chunked' in head:
      last=re.search(rb'(?:^|\\r\\n)0\\r\\n(?:[^\\r]+\\r\\n)*\\r\\n',rest)
      if not last: return count
      rest=rest[last.end():]
    elif status>=200 and status not in (204,304):
      if not length or len(rest)<int(length[1]): return count
      rest=rest[int(length[1]):]
    count+=status>=200
    text=rest
`;

/** A world in which what `coder` sends to allow.test:9443 is read, since a secret is bound to it as a bearer token and in Basic. */
export class ReadWorld<Said> extends World {
  /** The placeholder. */
  stand = '';
  readonly said: Said[] = [];
  readonly findings: string[] = [];
  origin!: ChildProcess;

  /** @param program  of this folder: a server; its arguments are address, port, key and certificate. It says one line of JSON for each thing
   *  that it sees, after `{"ready":true}` */
  async begin(program: string, binding: object = {}): Promise<this> {
    this.identity = await generateX25519Identity();
    await this.start({ 'allow.test': FAR });
    this.onQuestion = ({ id, text }) => {
      this.findings.push(String(text));
      this.warden.reply({ id, ok: {} });
    };
    await this.hold([{}], binding);
    const { recipient } = (await this.warden.call('secrets.recipient')) as { recipient: string };
    const bytes = Buffer.from(await sealed(VALUE, recipient)).toString('base64');
    await this.warden.call('secrets.set', { name: 'api', sealed: bytes });
    this.stand = ((await this.warden.call('secrets.placeholders', { agent: 'coder' })) as { KEY: string }).KEY;
    const { certificate } = (await this.warden.call('secrets.authority')) as { certificate: string };
    writeFileSync(this.authority, certificate, { mode: 0o644 });
    await this.agent('coder');
    const files = [join(this.dir, 'key.pem'), join(this.dir, 'cert.pem')];
    const path = fileURLToPath(new URL(program, import.meta.url));
    this.origin = this.outsideBackground([process.execPath, path, FAR, '9443', ...files]);
    this.origin.stderr?.pipe(process.stderr);
    await listenTo(this.origin, (one) => this.said.push(one));
    return this;
  }

  /** What `coder` may and has there. @param rules  each for allow.test:9443, if it says nothing else
   *  @param binding  of the secret, where it is not the usual
   *  @param more  of the agent's policy */
  hold(rules: readonly object[], binding: object = {}, more: object = {}): Promise<unknown> {
    const at = { host: 'allow.test', port: 9443 };
    const secret = { variable: 'KEY', secret: 'api', ...at, in: ['bearer', 'basic'], ...binding };
    const egress = rules.map((rule) => ({ ...at, ...rule }));
    const agent = { name: 'coder', egress, grants: [], secrets: [secret], ...more };
    return this.warden.call('policy', { roots: [readFileSync(join(this.dir, 'cert.pem'), 'utf8')], agents: [agent] });
  }

  /** Sends bytes over TLS from inside, each piece once something was heard of the one before. @returns what comes until all requests have their
   *  whole answers, and for a moment after that */
  async send(...pieces: string[]): Promise<string> {
    const requests = pieces.join('').split(' HTTP/1.1\r\n').length - 1;
    const code = `
import ssl,json
${WHOLE}
c=ssl.create_default_context(cafile=${JSON.stringify(this.authority)})
s=c.wrap_socket(socket.create_connection(('allow.test',9443),timeout=20),server_hostname='allow.test')
out=b''
try:
  for i,p in enumerate(json.loads(${JSON.stringify(JSON.stringify(pieces))})):
    if i: out+=s.recv(65536)
    s.sendall(p.encode('latin1'))
  while whole(out)<${requests}:
    d=s.recv(65536)
    if not d: break
    out+=d
except OSError: pass
s.settimeout(0.3)
sys.stdout.buffer.write(out+heard(s))`;
    const { out, err } = await this.python('coder', code);
    if (err !== '') throw new Error(err);
    return out;
  }

  /** PEM of what the compartment trusts. */
  get authority(): string {
    return join(this.dir, 'authority.pem');
  }

  /** curl from inside, which trusts the fleet's authority and nothing else. */
  trusting(...args: string[]): Promise<{ status: number | null; out: string; err: string }> {
    return this.run('coder', ['curl', '-sS', '-m', '30', '--cacert', this.authority, ...args]);
  }

  /** A program of Node's, inside. */
  node(code: string): Promise<{ status: number | null; out: string; err: string }> {
    const trust = `NODE_EXTRA_CA_CERTS=${this.authority}`;
    return this.run('coder', ['env', trust, process.execPath, '--input-type=module', '-e', code]);
  }

  /** Waits until something was said. */
  async heard(matches: (one: Said) => boolean, ms: number = 20_000): Promise<Said> {
    for (const end = Date.now() + ms; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 20))) {
      const found = this.said.find(matches);
      if (found) return found;
    }
    throw new Error(`the server said nothing like that, but ${JSON.stringify(this.said.slice(-5)).slice(0, 2000)}`);
  }

  override async stop(): Promise<void> {
    if (this.log.length > 0) console.log(this.log.join(''));
    await super.stop();
  }
}
