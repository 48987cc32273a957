import type { Resource } from './resource.ts';

/** What systemd needs to know to keep a warden (systemd.service(5), systemd.kill(5)). */
export interface UnitFacts {
  /** File name without a folder: `bulkhead.service`. */
  readonly name: string;
  /** The folder of the copy that it runs from. */
  readonly home: string;
  readonly state: string;
}

function unitPath(name: string): string {
  return `/etc/systemd/system/${name}`;
}

/** The warden ends its programs and agents itself and needs them while it does, so the stop signal goes to it alone; whatever
 *  outlives it is killed. Status 3 means that this machine cannot, which starting again does not mend. */
export function wardenUnit({ name, home, state }: UnitFacts): Extract<Resource, { kind: 'unit' }> {
  const argv = [`${home}/bin/node`, '--disable-warning=ExperimentalWarning', `${home}/src/programs/warden/main.ts`];
  const lines = [
    '[Unit]',
    `Description=Bulkhead: the warden of ${escaped(state)}`,
    'After=local-fs.target',
    `RequiresMountsFor=${quoted(state)}`,
    'StartLimitIntervalSec=0',
    '',
    '[Service]',
    'Type=exec',
    `ExecStart=${[...argv, '--state', state, '--resume'].map(argument).join(' ')}`,
    'Environment=PATH=/usr/sbin:/usr/bin:/sbin:/bin',
    `Environment=${quoted(`NODE_COMPILE_CACHE=${home}/node_modules/.cache/programs`)} NODE_COMPILE_CACHE_PORTABLE=1`,
    'WorkingDirectory=/',
    'UMask=0077',
    'Restart=on-failure',
    'RestartSec=1',
    'RestartSteps=5',
    'RestartMaxDelaySec=30',
    'RestartPreventExitStatus=3',
    'KillMode=mixed',
    'TimeoutStopSec=30',
    `StandardOutput=append:${escaped(state)}/logs/warden.log`,
    `StandardError=append:${escaped(state)}/logs/warden.log`,
    '',
    '[Install]',
    'WantedBy=multi-user.target',
  ];
  return { kind: 'unit', path: unitPath(name), text: `${lines.join('\n')}\n` };
}

/** systemd.service(5), "Command lines": there, besides, `$` begins a variable. */
function argument(word: string): string {
  return quoted(word).replaceAll('$', () => '$$');
}

/** systemd.syntax(7), "Quoting". */
function quoted(word: string): string {
  const text = escaped(word).replaceAll('\\', '\\\\').replaceAll('"', '\\"');
  return /^[\w/.=:+-]+$/.test(text) ? text : `"${text}"`;
}

/** systemd.unit(5), "Specifiers": `%` begins one. */
function escaped(text: string): string {
  return text.replaceAll('%', '%%');
}
