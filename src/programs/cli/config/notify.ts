import type { NotifyBy, Operator } from '../../../model/fleet.ts';
import type { NotifyInFile } from './file.ts';
import { word } from './programs.ts';
import type { Where } from './where.ts';

/** Who is told that something waits, and how. A command runs as the first operator, so there must be one who is not root. */
export function notifyBy(where: Where, given: NotifyInFile, operators: readonly Operator[]): NotifyBy {
  if (typeof given === 'string' || 'webhook' in given) {
    const url = typeof given === 'string' ? given : given.webhook;
    const path = typeof given === 'string' ? ['notify'] : ['notify', 'webhook'];
    if (!URL.canParse(url) || !['http:', 'https:'].includes(new URL(url).protocol) || new URL(url).username !== '')
      throw where.document.failure(
        'bad-value',
        path,
        'notify names no web address that a notice could be posted to',
        'Write https://HOST/PATH, or a command as a list: [ntfy, publish, TOPIC].',
      );
    const slack = new URL(url).hostname === 'hooks.slack.com';
    return {
      kind: 'webhook',
      url,
      as: (typeof given === 'string' ? undefined : given.as) ?? (slack ? 'slack' : 'text'),
    };
  }
  const user = operators.find((operator) => operator.user !== 'root')?.user;
  if (user === undefined)
    throw where.document.failure(
      'no-operator',
      ['notify'],
      'the command in notify has nobody to run as: it never runs as root',
      'Name a person under operators: { owner: { user: LOGIN } }.',
    );
  return { kind: 'command', argv: given.map((part, i) => word(where, ['notify', i], part)), user };
}
