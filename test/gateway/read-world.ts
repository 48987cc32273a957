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

  /** Sends bytes over TLS from inside, with pauses between the pieces. @returns what comes until a second of silence */
  async send(...pieces: string[]): Promise<string> {
    const code = `
import ssl,json
c=ssl.create_default_context(cafile=${JSON.stringify(this.authority)})
s=c.wrap_socket(socket.create_connection(('allow.test',9443),timeout=5),server_hostname='allow.test')
for p in json.loads(${JSON.stringify(JSON.stringify(pieces))}):
  s.sendall(p.encode('latin1')); time.sleep(0.15)
s.settimeout(3)
sys.stdout.buffer.write(heard(s,1))`;
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
    return this.run('coder', ['curl', '-sS', '-m', '8', '--cacert', this.authority, ...args]);
  }

  /** A program of Node's, inside. */
  node(code: string): Promise<{ status: number | null; out: string; err: string }> {
    const trust = `NODE_EXTRA_CA_CERTS=${this.authority}`;
    return this.run('coder', ['env', trust, process.execPath, '--input-type=module', '-e', code]);
  }

  /** Waits until something was said. */
  async heard(matches: (one: Said) => boolean, ms: number = 5000): Promise<Said> {
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
