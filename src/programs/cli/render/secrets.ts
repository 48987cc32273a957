import type { SecretEntry, SecretRotate, SecretsDocument } from '../../../model/documents.ts';
import { age, span } from '../../../policy/age.ts';
import type { Screen } from '../call.ts';
import { aligned, type Cell, cell, table } from './table.ts';

export function renderSecrets({ secrets }: SecretsDocument, screen: Screen): string {
  if (secrets.length === 0) return 'There are no secrets. Set one: bulkhead secrets set NAME';
  const rows = secrets.map(({ name, state, since, usedBy, rotate, signIn }) => [
    cell(name, 'bold'),
    signIn ? signInCell(signIn) : cell(state, state === 'set' ? undefined : 'yellow'),
    cell(since === undefined ? '' : age(screen.now - Date.parse(since))),
    signIn && !signIn.refused ? cell('by itself') : dueCell(rotate, screen.now),
    cell(usedBy.map(({ agent, variable, host }) => `${agent} ${variable} (${host})`).join(', ') || '-'),
  ]);
  const missing = secrets
    .filter(({ state }) => state === 'missing')
    .map(({ name }) => `Set it: bulkhead secrets set ${name}`);
  const said = secrets.flatMap(({ name, findings = [] }) =>
    findings.map(({ text }) => [cell(`  ${name}`, 'yellow'), cell(text)]),
  );
  return [
    ...table(['SECRET', 'STATE', 'SET', 'NEW VALUE DUE', 'USED BY'], rows, screen),
    ...(said.length > 0 ? ['', ...aligned(said, screen)] : []),
    ...(missing.length > 0 ? ['', ...missing] : []),
  ].join('\n');
}

function signInCell({ refused }: NonNullable<SecretEntry['signIn']>): Cell {
  return refused === undefined ? cell('signed in') : cell('signed out', 'red');
}

function dueCell(rotate: SecretRotate | undefined, now: number): Cell {
  if (rotate?.dueAt === undefined) return cell('-');
  const left = Date.parse(rotate.dueAt) - now;
  if (left <= 0) return cell(`overdue for ${span(-left)}`, 'red');
  return cell(`in ${span(left)}`, rotate.due === 'due' ? 'yellow' : undefined);
}
