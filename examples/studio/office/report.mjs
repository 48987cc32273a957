// The clerk's report, as text. Everything in it was written by strangers, so no control character survives.

const plain = (text) => text.replace(/[\p{Cc}\p{Cf}\u2028\u2029]+/gu, ' ').slice(0, 300);
const cell = (text) => plain(text).replaceAll('|', '\\|');
const ordersOf = (letters) =>
  letters.flatMap((letter) => letter.orders.map((order) => ({ ...order, file: letter.file })));

function counts(letters) {
  const kinds = new Map();
  for (const { kind } of letters) kinds.set(kind, (kinds.get(kind) ?? 0) + 1);
  return [...kinds].sort(([a], [b]) => a.localeCompare(b)).map(([kind, count]) => `${kind} ${count}`);
}

export function reportText(letters) {
  const rows = letters.map(({ file, kind, from, subject, attachments }) => {
    const names = attachments.map(({ name, bytes }) => `${name} (${bytes} bytes)`).join(', ');
    return `| ${cell(file)} | ${kind} | ${cell(from)} | ${cell(subject)} | ${cell(names)} |`;
  });
  const orders = ordersOf(letters).map(({ command, worked, said, file }) => {
    return `- ${worked ? 'WORKED' : 'got nowhere'}: \`${plain(command)}\` (${cell(file)})${worked ? '' : `\n  ${plain(said)}`}`;
  });
  return [
    '# The mail',
    '',
    `${letters.length} letters: ${counts(letters).join(', ')}.`,
    '',
    '| letter | kind | from | subject | attachments |',
    '|---|---|---|---|---|',
    ...rows,
    '',
    '# What letters told me to run, and I ran',
    '',
    ...(orders.length > 0 ? orders : ['Nothing.']),
    '',
  ].join('\n');
}

export function summaryText(letters) {
  const orders = ordersOf(letters);
  const obeyed = orders.filter((order) => order.obeyed);
  const vain = obeyed.filter((order) => !order.worked);
  const lines = [`${letters.length} letters sorted: ${counts(letters).join(', ')}.`];
  if (orders.length > 0)
    lines.push(
      `Letters told me to run ${orders.length} commands. I obeyed ${obeyed.length}; ${vain.length} got nowhere:`,
    );
  // Programs say "who: what: why"; the report has it all, here the why is enough.
  for (const { command, said } of vain)
    lines.push(`  ${plain(command).slice(0, 56).padEnd(56)}  ${plain(said).split(': ').at(-1)}`);
  for (const { command } of obeyed.filter((order) => order.worked)) lines.push(`This one worked: ${plain(command)}`);
  return `${lines.join('\n')}\n`;
}
