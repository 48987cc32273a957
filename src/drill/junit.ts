import type { DrillDocument } from './verdict.ts';

/** A JUnit report (the schema that Jenkins publishes), so that a build server can show a drill. */
export function junit({ attacks, access }: DrillDocument): string {
  const cases = [
    ...attacks.map((one) => ({
      ...one,
      suite: 'attacks',
      bad: one.result === 'breached',
      broken: one.result === 'error',
    })),
    ...access.map((one) => ({
      ...one,
      suite: 'access',
      bad: one.result === 'cut-off',
      broken: one.result === 'error',
    })),
  ];
  const suites = ['attacks', 'access'].map((suite) => {
    const own = cases.filter((one) => one.suite === suite);
    const count = (test: (one: (typeof own)[number]) => boolean): number => own.filter(test).length;
    const head = `<testsuite name="${suite}" tests="${own.length}" failures="${count(({ bad }) => bad)}" errors="${count(({ broken }) => broken)}" skipped="${count(({ result }) => result === 'not-applicable')}">`;
    const body = own.map(({ id, agent, result, why = '', bad, broken }) => {
      const name = `<testcase classname="${escaped(agent)}" name="${escaped(id)}"`;
      if (result === 'not-applicable') return `${name}><skipped message="${escaped(why)}"/></testcase>`;
      if (!bad && !broken) return `${name}/>`;
      const kind = broken ? 'error' : 'failure';
      return `${name}><${kind} message="${escaped(why)}"/></testcase>`;
    });
    return [head, ...body, '</testsuite>'].join('\n');
  });
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`;
}

/** What an attack says may hold anything; XML 1.0 has no place for most control characters. */
function escaped(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}
