import type { SecretsDocument } from '../../../model/documents.ts';
import { age } from '../../../policy/age.ts';
import type { Screen } from '../call.ts';
import { cell, table } from './table.ts';

export function renderSecrets({ secrets }: SecretsDocument, screen: Screen): string {
  if (secrets.length === 0) return 'There are no secrets. Set one: bulkhead secrets set NAME';
  const rows = secrets.map(({ name, state, since, usedBy }) => [
    cell(name, 'bold'),
    cell(state, state === 'set' ? undefined : 'yellow'),
    cell(since === undefined ? '' : age(screen.now - Date.parse(since))),
    cell(usedBy.map(({ agent, variable, host }) => `${agent} ${variable} (${host})`).join(', ') || '-'),
  ]);
  const missing = secrets
    .filter(({ state }) => state === 'missing')
    .map(({ name }) => `Set it: bulkhead secrets set ${name}`);
  return [
    ...table(['SECRET', 'STATE', 'SET', 'USED BY'], rows, screen),
    ...(missing.length > 0 ? ['', ...missing] : []),
  ].join('\n');
}
