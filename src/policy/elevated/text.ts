import type { ArgumentType, ElevatedRule } from '../../model/elevated.ts';

/** A rule on one line, as status, map and the agent's own list have it: `systemctl restart {unit: web|worker} (as root, asked)`. */
export function elevatedText({ run, with: types, as, ask }: ElevatedRule): string {
  const words = run.map((word) =>
    word.replace(/\{([a-z][a-z0-9-]*)\}/, (whole, name: string) => {
      const type = types[name];
      return type === undefined ? whole : `{${name}: ${typeText(type)}}`;
    }),
  );
  return `${words.join(' ')} (as ${as}, ${ask ? 'asked' : 'not asked'})`;
}

function typeText(type: ArgumentType): string {
  switch (type.kind) {
    case 'words':
      return type.words.join('|');
    case 'integer':
      return `${type.least}..${type.most}`;
    case 'text':
      return `1 to ${type.most} of ${type.characters}`;
    case 'path':
      return `below ${type.below}`;
  }
}
