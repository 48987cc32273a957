import type { Resource } from './resource.ts';
import type { Step } from './step.ts';

/** A step in words, one line: what it does to the machine. */
export function describe(step: Step): string {
  switch (step.do) {
    case 'make':
      return `+ ${describeResource(step.what)}`;
    case 'change':
      return `~ ${describeResource(step.what)}${before(step.what, step.was)}`;
    case 'remove':
      if (step.what.kind === 'home')
        return `- closed home ${step.what.path}: mode ${step.what.mode} goes back to ${step.what.was}`;
      return `- ${describeResource(step.what)}`;
  }
}

/** What a changed disk was: the one change that says something about what is stored. */
function before(what: Resource, was: Resource): string {
  if (was.kind === 'dead-end') return `: ${was.missing?.join(', ')} was taken away`;
  if (was.kind === 'host-rules') return was.altered ? ': what is loaded is another' : '';
  if (what.kind !== 'disk' || was.kind !== 'disk') return '';
  const grown = was.bytes === what.bytes ? [] : [`it has ${size(was.bytes)}`];
  return `: ${[...grown, ...(was.unmounted ? ['it is not mounted'] : [])].join(', ')}`;
}

function describeResource(what: Resource): string {
  switch (what.kind) {
    case 'group':
      return `group ${what.name} (${what.gid})`;
    case 'user':
      return `user ${what.name} (${what.uid}), no password, no shell`;
    case 'folder':
      return `folder ${what.path} (${what.mode}, ${what.uid}:${what.gid})`;
    case 'file':
      return `file ${what.path} (${what.mode}, ${what.text.length} characters)`;
    case 'copy':
      return `Bulkhead's own files in ${what.path} (root's, ${what.digest.slice(0, 12)})`;
    case 'link':
      return `link ${what.path} to ${what.to}`;
    case 'unit':
      return `unit ${what.path} (${what.text.split('\n').length - 1} lines), so that systemd keeps the warden`;
    case 'disk':
      return `disk of ${size(what.bytes)} in ${what.image}, on ${what.path} (noexec,nosuid,nodev)`;
    case 'held':
      return `empty folder ${what.path}, so that an agent cannot make that name`;
    case 'home':
      return `closed home ${what.path}: others could enter it, mode ${what.was} becomes ${what.mode}`;
    case 'cgroup':
      return `cgroup ${what.path} (memory ${size(what.limits.memory)}, ${what.limits.processes} processes, cpu ${what.limits.cpu} %)`;
    case 'netns':
      return `network namespace ${what.name}, no way out but the gateway (rules ${what.rules.slice(0, 12)})`;
    case 'dead-end':
      return `dead end: uid ${what.uid} and cgroup ${what.cgroup} reach loopback and no further`;
    case 'host-rules':
      return `packet filter ${what.table} of the host: ${what.agents.length} agents reach the gateway and themselves`;
    case 'compartment':
      return `compartment of ${what.agent} (tier ${what.tier ?? 'sandbox'}, ${what.digest.slice(0, 12)})`;
    case 'port':
      return `port 127.0.0.1:${what.port} to ${what.agent}`;
    case 'policy':
      return [
        `egress policy (${what.rules} ${what.rules === 1 ? 'rule' : 'rules'}, ${what.digest.slice(0, 12)})`,
        ...(what.outside ?? []).map((line) => `${line} may run outside`),
      ].join('; ');
  }
}

export function size(bytes: number): string {
  const units = ['B', 'K', 'M', 'G', 'T'];
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && value % 1024 === 0 && unit < units.length - 1) {
    value /= 1024;
    unit++;
  }
  return `${value}${units[unit]}`;
}
