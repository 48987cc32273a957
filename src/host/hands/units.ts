import { existsSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { runToolLater } from '../processes/command.ts';
import { files } from './folders.ts';
import type { Hand, Of } from './hand.ts';

/** Whether systemd is process 1 (sd_booted(3)). */
export function systemdRuns(): boolean {
  return existsSync('/run/systemd/system');
}

/** A unit is a file that systemd has read, and that is started with the machine. Starting it now is no step: `up` does. */
export const units: Hand<Of<'unit'>> = {
  async observe(what, known) {
    const found = await files.observe(fileOf(what), known);
    return found && enabled(what.path) ? { kind: 'unit', path: what.path, text: found.text } : undefined;
  },
  async make(what) {
    await files.make(fileOf(what));
    await runToolLater('systemctl', ['daemon-reload']);
    await runToolLater('systemctl', ['enable', basename(what.path)]);
  },
  async change(what) {
    await units.make(what);
  },
  async remove(what) {
    if (!existsSync(what.path)) return;
    await runToolLater('systemctl', ['disable', '--now', basename(what.path)]);
    await files.remove(fileOf(what));
    await runToolLater('systemctl', ['daemon-reload']);
  },
};

function fileOf({ path, text }: Of<'unit'>): Of<'file'> {
  return { kind: 'file', path, mode: '0644', text };
}

/** Whether systemd starts it with the machine. @param path  of the unit's file */
export function enabled(path: string): boolean {
  return existsSync(join(dirname(path), 'multi-user.target.wants', basename(path)));
}
