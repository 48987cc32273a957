// A reporter for node --test: Node's own "spec", but failures are repeated before the figures, so that these stand last.
import { spec } from 'node:test/reporters';

const FIGURE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

export default async function* figuresLast(source) {
  const report = new spec();
  const figures = [];
  for await (const event of source) {
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && FIGURE.test(event.data.message)) {
      figures.push(`ℹ ${event.data.message}\n`);
      continue;
    }
    report.write(event);
    for (let text = report.read(); text !== null; text = report.read()) yield text;
  }
  report.end();
  for await (const text of report) yield text;
  yield* figures;
}
