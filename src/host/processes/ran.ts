import { execFile } from 'node:child_process';

export interface Ran {
  /** Undefined: it could not be started, or did not end in time. */
  readonly exit: number | undefined;
  readonly stdout: string;
  readonly stderr: string;
}

const PATH = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const PATIENCE_MS = 10_000;

/** Runs a program of the system to its end, with nothing of our environment. Never rejects. */
export function ran(
  program: string,
  args: readonly string[],
  options: { readonly input?: string; readonly uid?: number } = {},
): Promise<Ran> {
  const { input = '', uid } = options;
  const as = uid === undefined ? {} : { uid, gid: uid };
  return new Promise((resolve) => {
    const child = execFile(
      program,
      [...args],
      { env: { PATH, LC_ALL: 'C' }, cwd: '/', timeout: PATIENCE_MS, killSignal: 'SIGKILL', ...as },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : undefined;
        const said =
          stderr !== '' || error === null || code !== undefined
            ? stderr
            : error.killed
              ? 'no answer in 10 s'
              : error.message;
        resolve({ exit: code, stdout, stderr: said });
      },
    );
    child.stdin?.on('error', () => {}); // it ended without reading: its exit says why
    child.stdin?.end(input);
  });
}
