import { Command, type CommanderError } from 'commander';
import { Failure } from '../../model/failure.ts';
import { helpOf, helpOfAll, helpOfFamily, usage } from './help.ts';
import { suggest } from './suggest.ts';
import { type Entry, GLOBAL, type Option } from './table.ts';

export type Line =
  | { readonly kind: 'help'; readonly text: string }
  | { readonly kind: 'version' }
  | {
      readonly kind: 'command';
      readonly entry: Entry;
      readonly operands: readonly string[];
      readonly options: Readonly<Record<string, string | boolean | undefined>>;
    };

/** Thrown out of commander as soon as the line is understood. */
class Understood {
  readonly line: Line;
  constructor(line: Line) {
    this.line = line;
  }
}

/** Reads a command line against the table. Options may stand before or after operands; after `--` nothing is an option.
 *  @throws Failure `usage`, exit 2 */
export function parseLine(table: readonly Entry[], argv: readonly string[]): Line {
  const words = argv[0] === 'help' ? [...argv.slice(1), '--help'] : [...argv];
  try {
    grammar(table).parse(words, { from: 'user' });
  } catch (thrown) {
    if (thrown instanceof Understood) return thrown.line;
    throw thrown;
  }
  throw new Error('the command line was neither understood nor refused');
}

function grammar(table: readonly Entry[]): Command {
  const top = dress(new Command('bulkhead'), () => helpOfAll(table)).version('', '--version');
  addOptions(top, GLOBAL);
  elsewhere(top, '', () => table.map((entry) => entry.name));
  const families = new Map<string, Command>();
  const alone = new Map<string, Command>();
  for (const entry of table) {
    const [first = '', second] = entry.name.split(' ');
    if (second === undefined) {
      alone.set(first, leaf(top, first, entry));
      continue;
    }
    let family = families.get(first) ?? alone.get(first); // `approvals` is a command, and has members too
    if (family === undefined) {
      const members = table.filter((other) => other.name.startsWith(`${first} `));
      family = dress(top.command(first), () => helpOfFamily(first, members));
      elsewhere(family, `${first} `, () => members.map((member) => member.name));
      families.set(first, family);
    }
    leaf(family, second, entry);
  }
  return top;
}

function leaf(above: Command, name: string, entry: Entry): Command {
  const command = dress(above.command(name), () => helpOf(entry), entry);
  for (const operand of entry.operands?.split(' ') ?? []) command.argument(operand);
  addOptions(command, entry.options ?? []);
  command.action(() => {
    throw new Understood({ kind: 'command', entry, operands: command.args, options: command.optsWithGlobals() });
  });
  return command;
}

function addOptions(command: Command, options: readonly Option[]): void {
  for (const option of options) command.option(option.flags, option.summary);
}

/** Our own help and errors instead of commander's. */
function dress(command: Command, help: () => string, entry?: Entry): Command {
  command.helpInformation = help;
  return command
    .exitOverride((error) => {
      if (error.code === 'commander.version') throw new Understood({ kind: 'version' });
      if (error.code.startsWith('commander.help')) throw new Understood({ kind: 'help', text: help() });
      throw wrongUsage(error, entry);
    })
    .configureOutput({ writeOut: () => {}, writeErr: () => {}, outputError: () => {} })
    .helpOption('-h, --help', 'this text')
    .helpCommand(false)
    .showSuggestionAfterError(false);
}

/** What is not one of our commands: nothing at all is answered with help, a word with what it may mean. */
function elsewhere(command: Command, before: string, names: () => readonly string[]): void {
  command.argument('[word...]').allowUnknownOption();
  command.action(() => {
    const word = command.args[0];
    if (word === undefined) throw new Understood({ kind: 'help', text: command.helpInformation() });
    throw unknownCommand(command.args, before, names());
  });
}

function unknownCommand(words: readonly string[], before: string, names: readonly string[]): Failure {
  const word = words[0] ?? '';
  const misplaced = names.find((name) => ` ${words.join(' ')} `.includes(` ${name} `));
  if (word.startsWith('-'))
    return new Failure(
      'usage',
      `unknown option ${JSON.stringify(word)}`,
      misplaced === undefined
        ? 'bulkhead --help lists the commands and the options that all of them take.'
        : `The options of a command come after its name: bulkhead ${misplaced} ...`,
    );
  const meant = suggest(
    word,
    names.map((name) => name.slice(before.length)),
  );
  const whole = meant === undefined || names.includes(meant) || meant.startsWith('-') ? meant : `${before}${meant}`;
  return new Failure(
    'usage',
    `there is no command ${JSON.stringify(before + word)}`,
    whole === undefined ? `bulkhead ${before}--help lists the commands.` : `Did you mean: bulkhead ${whole}`,
  );
}

/** Commander's messages are taken apart, because its errors carry no parts. */
function wrongUsage(error: CommanderError, entry: Entry | undefined): Failure {
  const quoted = /'([^']*)'/u.exec(error.message)?.[1] ?? '';
  const name = entry === undefined ? 'bulkhead' : `bulkhead ${entry.name}`;
  const how = entry === undefined ? 'See: bulkhead --help' : `Usage: ${usage(entry)}`;
  switch (error.code) {
    case 'commander.unknownOption': {
      const flags = [...(entry?.options ?? []), ...GLOBAL].flatMap((option) => option.flags.match(/-[\w-]+/gu) ?? []);
      const near = quoted.startsWith('--') ? suggest(quoted, flags) : undefined;
      return new Failure(
        'usage',
        `${name} has no option ${JSON.stringify(quoted)}`,
        near ? `Did you mean: ${near}` : how,
      );
    }
    case 'commander.optionMissingArgument':
      return new Failure('usage', `${quoted.replace(/ <.*$/u, '').split(', ').at(-1)} needs a value`, how);
    case 'commander.missingArgument':
      return new Failure('usage', `${name} needs ${article(quoted)}`, how);
    case 'commander.excessArguments':
      return new Failure('usage', `${name} takes ${count(entry)}`, how);
    default:
      return new Failure('usage', error.message.replace(/^error: /u, ''), how);
  }
}

function article(operand: string): string {
  return `${/^[aeiou]/u.test(operand) ? 'an' : 'a'} ${operand.replaceAll('|', ' or ')}`;
}

function count(entry: Entry | undefined): string {
  const operands = entry?.operands?.split(' ').length ?? 0;
  return operands === 0 ? 'no operands' : operands === 1 ? 'only one operand' : `only ${operands} operands`;
}
