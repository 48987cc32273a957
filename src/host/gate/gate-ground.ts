import { ftruncateSync } from 'node:fs';
import { errno } from '../libc.ts';
import { fcntl, memfdCreate } from './libc-gate.ts';

const MFD_CLOEXEC = 1;
/** fcntl(2): F_LINUX_SPECIFIC_BASE + 6. */
const F_DUPFD_CLOEXEC = 1030;

/** A file in memory, all zero, that is gone with the last who holds it (memfd_create(2)). The caller owns the descriptor. */
export function memoryFile(name: string, bytes: number): number {
  const fd = memfdCreate(name, MFD_CLOEXEC);
  if (fd < 0) throw new Error(`memfd_create failed with errno ${errno()}`);
  ftruncateSync(fd, bytes);
  return fd;
}

/** Another descriptor of the same. */
export function duplicate(fd: number): number {
  const copy = fcntl(fd, F_DUPFD_CLOEXEC, 3);
  if (copy < 0) throw new Error(`fcntl failed with errno ${errno()}`);
  return copy;
}
