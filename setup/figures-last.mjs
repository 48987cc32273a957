// A reporter for node --test: Node's own "spec", but failures are repeated before the figures, so that these stand last; before them the files
// that took longest, with what they waited for others, and what was skipped, with the reason.
import { relative } from 'node:path';
import { spec } from 'node:test/reporters';

const FIGURE = /^(tests|suites|pass|fail|cancelled|skipped|todo|duration_ms) [\d.]+$/;

const LONGEST = 10;

export default async function* figuresLast(source) {
  const report = new spec();
  const figures = [];
  const files = [];
  const skipped = [];
  for await (const event of source) {
    if (event.type === 'test:diagnostic' && event.data.nesting === 0 && FIGURE.test(event.data.message)) {
      figures.push(`ℹ ${event.data.message}\n`);
      continue;
    }
    if (event.type === 'test:summary' && event.data.file !== undefined)
      files.push({ seconds: event.data.duration_ms / 1000, file: relative(process.cwd(), event.data.file) });
    if (event.type === 'test:pass' && event.data.skip !== undefined && event.data.skip !== false)
      skipped.push(
        `﹣ ${event.data.name} # ${event.data.skip === true ? 'no reason' : event.data.skip || 'no reason'}\n`,
      );
    report.write(event);
    for (let text = report.read(); text !== null; text = report.read()) yield text;
  }
  report.end();
  for await (const text of report) yield text;
  yield* skipped;
  files.sort((a, b) => b.seconds - a.seconds);
  for (const { seconds, file } of files.slice(0, LONGEST)) yield `ℹ ${seconds.toFixed(1)} s ${file}\n`;
  yield* figures;
}
