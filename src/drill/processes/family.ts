import type { Family } from '../attack.ts';
import { PROCESSES_LATER } from '../later.ts';
import { abis } from './abi.ts';
import { gate } from './gate.ts';
import { kernelCalls } from './kernel-calls.ts';
import { kernelFiles } from './kernel-files.ts';
import { limits } from './limits.ts';
import { memfds } from './memfd.ts';
import { namespaces } from './namespaces.ts';
import { ownUid } from './own-uid.ts';
import { running } from './running.ts';
import { setId } from './set-id.ts';
import { signals } from './signals.ts';
import { sockets } from './sockets.ts';
import { terminals } from './terminal.ts';
import { tracing } from './tracing.ts';

/** Lines 60 to 96, and of the later ones those about processes and the kernel: 105 (signals), 108 to 110, 112 to 114, 118, 119. */
export const PROCESSES_FAMILY: Family = {
  attacks: [
    ...terminals,
    ...tracing,
    ...namespaces,
    ...abis,
    ...memfds,
    ...running,
    ...gate,
    ...sockets,
    ...signals,
    ...ownUid,
    ...setId,
    ...limits,
    ...kernelCalls,
    ...kernelFiles,
  ],
  notApplicable: PROCESSES_LATER,
};
