import type { Disposition, Rule, Test } from './disposition.ts';
import { type Architecture, knownCalls, syscallFilter } from './filter.ts';

/** One line for each known call by number, as a person reads it. */
export function describeFilter(arch: Architecture): string {
  const known = knownCalls(arch);
  const size = syscallFilter(arch).length / 8;
  const head = [
    `# ${arch}: ${known.length} calls known, ${size} instructions. Another architecture${arch === 'x86_64' ? ' or x32' : ''}: killed.`,
    '# A number that is not listed: ENOSYS. Arguments count from 0; only their low 32 bits are looked at.',
  ];
  const lines = known.map(
    ({ nr, name, disposition }) => `${String(nr).padStart(3)} ${name.padEnd(24)}${shown(disposition)}`,
  );
  return `${[...head, ...lines].join('\n')}\n`;
}

function shown(disposition: Disposition): string {
  if (typeof disposition === 'string') return disposition;
  return [...disposition.rules.map(shownRule), `else ${disposition.otherwise}`].join('; ');
}

function shownRule({ when, gives }: Rule): string {
  return `${gives} if ${when.map(shownTest).join(' and ')}`;
}

function shownTest(test: Test): string {
  if ('anyOf' in test) return `arg${test.arg} has any of ${hex(test.anyOf)}`;
  const argument = test.mask === 0xffff_ffff ? `arg${test.arg}` : `arg${test.arg} & ${hex(test.mask)}`;
  return `${argument} is ${test.oneOf.map(hex).join('|')}`;
}

function hex(value: number): string {
  return `0x${value.toString(16)}`;
}
