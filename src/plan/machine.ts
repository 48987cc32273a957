import { type Places, STATE_FORMAT } from './places.ts';
import type { Resource } from './resource.ts';

/** What the programs themselves need on this machine, whatever the fleet: made by `up` before there is a warden. */
export interface MachineFacts {
  readonly places: Places;
  /** The tree `up` was started from, its version, and the digest over its files. */
  readonly tree: { readonly from: string; readonly version: string; readonly digest: string };
  readonly ids: { readonly gateway: number; readonly ledger: number };
  /** Where the root-owned copy goes, and the command's name. */
  readonly library: string;
  readonly command: string;
}

export const LIBRARY = '/usr/local/lib/bulkhead';
export const COMMAND = '/usr/local/bin/bulkhead';
export const GATEWAY_USER = 'bulkhead-gateway';
export const LEDGER_USER = 'bulkhead-ledger';

export function machineResources(facts: MachineFacts): Resource[] {
  const { places, tree, ids } = facts;
  const folder = (path: string, mode: string, id = 0): Resource => ({ kind: 'folder', path, mode, uid: id, gid: id });
  const program = (name: string, id: number): Resource[] => [
    { kind: 'group', name, gid: id },
    { kind: 'user', name, uid: id, gid: id, mark: 'Bulkhead program' },
  ];
  return [
    folder(places.state, '0711'),
    { kind: 'file', path: places.format, mode: '0644', text: `${STATE_FORMAT}\n` },
    folder(facts.library, '0755'),
    { kind: 'copy', path: `${facts.library}/${tree.version}`, from: tree.from, digest: tree.digest },
    { kind: 'link', path: facts.command, to: `${facts.library}/${tree.version}/bulkhead` },
    ...program(GATEWAY_USER, ids.gateway),
    ...program(LEDGER_USER, ids.ledger),
    folder(places.run, '0755'),
    folder(places.stage, '0755'),
    folder(places.ledgerRun, '0755', ids.ledger),
    folder(places.ledger, '0700', ids.ledger),
    folder(places.gateway, '0700', ids.gateway),
    folder(places.logs, '0700'),
    folder(places.agentLogs, '0700'),
    folder(places.agents, '0711'),
  ];
}
