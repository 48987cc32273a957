import assert from 'node:assert/strict';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import type { Attack } from '../../src/drill/attack.ts';
import { CONTROL_PLANE_FAMILY } from '../../src/drill/control-plane/family.ts';
import { CREDENTIALS_FAMILY } from '../../src/drill/credentials/family.ts';
import { FILES_FAMILY } from '../../src/drill/files/family.ts';
import { PRELUDE } from '../../src/drill/prelude.ts';
import { PROCESSES_FAMILY } from '../../src/drill/processes/family.ts';
import { SPARE_UID } from '../../src/drill/spare-uid.ts';
import { said } from '../../src/drill/verdict.ts';
import { control } from '../../src/host/arena/control.ts';
import { type NextDoor, nextDoor } from '../../src/host/arena/next-door.ts';
import { removeTree } from '../../src/host/files/mounts.ts';
import { MASKED } from '../../src/tiers/masks.ts';

const FAMILIES = [FILES_FAMILY, PROCESSES_FAMILY, CONTROL_PLANE_FAMILY, CREDENTIALS_FAMILY];
/** Those that need a network of the arena's are in network.test.ts. */
const attacks = FAMILIES.flatMap((family) => family.attacks).filter(({ positive }) => positive !== 'open-net');

/** Ways that this or that kernel, or a virtual machine's root, does not have at all. Every other way must work. */
const NOT_EVERYWHERE: Readonly<Record<string, RegExp>> = {
  'd64-foreign-abi': /^x32 /,
  'd66-memfd-exec': /flags 8$/,
  'd60-tiocsti': /on its input/,
  'd60-tioclinux': /^\/dev\/(?:console|tty|tty0) /,
  'd91-socket-families': /./,
  'd94-privileged-calls': /^(?:init_module|finit_module|delete_module|kexec_load|ioperm|iopl|acct|swapon)$/,
  'd94-kernel-surface': /^memfd_secret$/,
  'd96-clock-and-host': /^(?:prlimit|SCHED_FIFO)$/,
};

let door: NextDoor;
let folder: string;
before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'bulkhead-controls-'));
  door = await nextDoor(undefined, SPARE_UID, MASKED);
});
after(async () => {
  await door?.close();
  removeTree(folder);
});

async function outside(attack: Attack, more: Record<string, string>): Promise<ReturnType<typeof said>> {
  door.fresh();
  const places = { house: undefined, bare: '', folder, uid: SPARE_UID };
  const seconds = attack.seconds ?? 10;
  const args = { ...door.controlArgs, ...more };
  return said(await control(places, attack.positive, PRELUDE + attack.program, args, seconds * 1000));
}

test('every attack on files, processes, the product and credentials succeeds where its wall is absent', async () => {
  const failed: string[] = [];
  for (const attack of attacks) {
    const { word, text } = await outside(attack, {});
    if (word !== 'done') failed.push(`${attack.id}: ${word} ${text}`);
  }
  assert.deepEqual(failed, []);
});

test('so does every single way of an attack that has several', async () => {
  const failed: string[] = [];
  for (const attack of attacks.filter(({ program }) => program.includes('none_worked()'))) {
    const { word, text } = await outside(attack, { every: '1' });
    if (word !== 'done') failed.push(`${attack.id}: ${word} ${text}`);
    else if (text !== 'every way')
      for (const way of text.replace(/^not /, '').split('; ')) {
        const name = way.slice(0, way.indexOf(': '));
        if (!NOT_EVERYWHERE[attack.id]?.test(name)) failed.push(`${attack.id}: ${way}`);
      }
  }
  assert.deepEqual(failed, []);
});
