import type { ChildProcess } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { generateX25519Identity } from 'age-encryption';
import { sealed } from '../../src/programs/cli/seal.ts';
import { listenTo } from './said.ts';
import { World } from './world.ts';

export const VALUE = 'real-value-0123456789-abcdefghij';
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
    const secret = {
      variable: 'KEY',
      secret: 'api',
      host: 'allow.test',
      port: 9443,
      in: ['bearer', 'basic'],
      ...binding,
    };
    const agent = { name: 'coder', egress: [{ host: 'allow.test', port: 9443 }], grants: [], secrets: [secret] };
    await this.warden.call('policy', { roots: [readFileSync(join(this.dir, 'cert.pem'), 'utf8')], agents: [agent] });
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
