import { chmodSync, closeSync, copyFileSync, openSync, renameSync } from 'node:fs';
import { duplicate } from '../../host/gate/gate-ground.ts';
import type { Pin } from './messages.ts';
import { Names } from './names.ts';

/** Copies under their names where agents have our own uid (no root). A file's owner may read it, however it is executed, unless its mode
 *  takes that from the owner too; then we cannot open it any more either. So what is executed is a file of its own, opened once
 *  and then closed to everybody. The agent, being its owner, could change that: all it ever gets is opened through a
 *  mount that lets nothing be changed. */
export class RootlessNames extends Names {
  readonly #opened = new Map<string, { readonly digest: string; readonly fd: number }>();

  /** They stay until their agent goes: each is the only one of its kind, and no more than there are programs. */
  override keepFiles(): void {}

  override open(agent: string, path: string, pin: Pin): number {
    const key = `${agent} ${path}`;
    const before = this.#opened.get(key);
    if (before?.digest === pin.digest) return duplicate(before.fd);
    const tree = this.treeOf(agent);
    if (tree === undefined) throw new Error(`no mount for the copies of ${agent}`);
    const at = this.way(agent, path);
    const next = `${this.folder}/.next`;
    copyFileSync(pin.path, next);
    chmodSync(next, 0o400); // nobody can execute it before it is closed
    renameSync(next, at);
    const fd = openSync(`/proc/self/fd/${tree}${path}`, 'r');
    chmodSync(at, pin.script ? 0o555 : 0o111);
    if (before) closeSync(before.fd);
    this.#opened.set(key, { digest: pin.digest, fd });
    return duplicate(fd);
  }
}
