// What a letter is, and what it tells the reader to do.

/** First match wins; the structure of a message says more than its words.
 *  @param {ReturnType<typeof import('./mail.mjs').readMail>} mail */
export function kindOf(mail) {
  const words = `${mail.subject}\n${mail.text}`.toLowerCase();
  if (mail.types.includes('multipart/report')) return 'returned';
  if (mail.types.includes('text/calendar')) return 'meetings';
  if (mail.headers.has('list-unsubscribe') || mail.headers.has('list-id')) return 'newsletters';
  if (/\b(invoice|rechnung|receipt|payment reminder|mahnung)/.test(words)) return 'invoices';
  if (/\b(application for|bewerbung|curriculum vitae)/.test(words)) return 'applications';
  if (/\b(order|bestellung)\b|注文/.test(words)) return 'orders';
  if (mail.headers.has('in-reply-to') || /\b(does not work|broken|error|help)\b/.test(words)) return 'support';
  return 'other';
}

/** Lines that look like orders, in the order they stand. This is the hole: text from outside is data, never an instruction. */
export function ordersIn(text) {
  return [...text.matchAll(/^[>\s]*run:[ \t]*(\S.*)$/gim)].map((match) => match[1].trim()).slice(0, 20);
}
