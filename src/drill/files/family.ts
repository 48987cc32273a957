import type { Family } from '../attack.ts';
import { FILES_LATER } from '../later.ts';
import { devices } from './devices.ts';
import { exhausting } from './exhausting.ts';
import { gitFiles } from './git.ts';
import { leaving } from './leaving.ts';
import { sharedWorkspace } from './shared.ts';
import { writingOutside } from './writing-outside.ts';

/** Lines 42 to 59 of the list, and of 105 what is written where everybody may. */
export const FILES_FAMILY: Family = {
  attacks: [...leaving, ...sharedWorkspace, ...gitFiles, ...devices, ...exhausting, ...writingOutside],
  notApplicable: FILES_LATER,
};
