import { basename } from 'node:path';
import type { AgentPolicy } from '../../wire/gate-policy.ts';

/** Files behind stubs of which something is allowed without a person: their content is fixed when the policy comes into force. */
export function allowedFiles(policies: readonly AgentPolicy[]): Set<string> {
  return new Set(policies.flatMap(filesOf));
}

function filesOf({ allowed, exec, stubs }: AgentPolicy): string[] {
  const names = new Set([...allowed, ...(exec.allowArgv ?? []).map(([program = '']) => program)]);
  return Object.entries(stubs).flatMap(([at, { name, file }]) =>
    [name, file, basename(file), at].some((one) => names.has(one)) ? [file] : [],
  );
}
