import { execFile, execFileSync } from 'node:child_process';
import { Failure } from '../../model/failure.ts';

/** A host tool, found only where root's tools are; its environment is empty, so that nothing of the caller's can steer it. */
const TOOLS = { PATH: '/usr/sbin:/usr/bin:/sbin:/bin', LC_ALL: 'C' };

/** @returns what it printed
 *  @throws Failure with the tool's own words when it is missing or its exit status is not 0 */
export function runTool(tool: string, args: readonly string[], input = ''): string {
  try {
    return execFileSync(tool, args, { env: TOOLS, input, encoding: 'utf8', stdio: 'pipe', cwd: '/' });
  } catch (error) {
    throw toolFailure(tool, args, error as NodeJS.ErrnoException & { stderr?: string });
  }
}

/** The same without blocking the caller. */
export function runToolLater(tool: string, args: readonly string[], input = ''): Promise<string> {
  return new Promise((resolve, reject) => {
    const child = execFile(tool, args, { env: TOOLS, encoding: 'utf8', cwd: '/' }, (error, stdout, stderr) => {
      if (error) reject(toolFailure(tool, args, Object.assign(error as NodeJS.ErrnoException, { stderr })));
      else resolve(stdout);
    });
    child.stdin?.on('error', () => {}); // a tool that does not read its input is judged by its exit
    child.stdin?.end(input);
  });
}

function toolFailure(
  tool: string,
  args: readonly string[],
  error: NodeJS.ErrnoException & { stderr?: string },
): Failure {
  if (error.code === 'ENOENT')
    return new Failure('tool-missing', `${tool} is not on this machine`, 'What to install: bulkhead doctor', 3);
  const said = (error.stderr ?? '').trim().split('\n').at(-1) || error.message;
  return new Failure(
    'tool-failed',
    `${tool} ${args.join(' ')}: ${said}`,
    'What this machine can do: bulkhead doctor',
    3,
  );
}
