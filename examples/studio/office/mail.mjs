// Internet messages as plain data: RFC 5322 (header fields, folding), RFC 2045/2046 (parts), RFC 2047 (encoded words),
// RFC 2231 (parameters). The sender controls every byte, so nothing here throws on odd input: it keeps what it can read.

const DEEPEST = 12;
const MOST_PARTS = 200;
const LONGEST_FIELD = 8192;

/** @param {Buffer} bytes one message, lines ended by CRLF or LF
 *  @returns {{headers: Map<string, string>, from: string, to: string, subject: string, text: string,
 *    attachments: {name: string, type: string, bytes: number}[], types: string[]}} text: all text parts, markup removed */
export function readMail(bytes) {
  const mail = { headers: new Map(), from: '', to: '', subject: '', text: '', attachments: [], types: [] };
  const { fields, body } = split(bytes.toString('latin1'));
  for (const [name, value] of fields) if (!mail.headers.has(name)) mail.headers.set(name, decodeWords(value));
  mail.from = mail.headers.get('from') ?? '';
  mail.to = mail.headers.get('to') ?? '';
  mail.subject = mail.headers.get('subject') ?? '';
  const texts = [];
  walk(fields, body, mail, texts, 0);
  mail.text = texts.join('\n').trim();
  return mail;
}

/** Encoded words to text; adjacent ones join without the space between them (RFC 2047, section 6.2). */
export function decodeWords(value) {
  const joined = value.replace(/(=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=)\s+(?==\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=)/g, '$1');
  // Pieces of one character set are put together before decoding: a sender may cut inside a character.
  return joined.replace(/(?:=\?[^?\s]+\?[bqBQ]\?[^?\s]*\?=)+/g, (run) => {
    const words = [...run.matchAll(/=\?([^?*\s]+)(?:\*[^?\s]*)?\?([bqBQ])\?([^?\s]*)\?=/g)];
    let text = '';
    for (let at = 0; at < words.length; ) {
      const charset = words[at][1].toLowerCase();
      const pieces = [];
      for (; at < words.length && words[at][1].toLowerCase() === charset; at++) pieces.push(encoded(words[at]));
      text += decode(Buffer.concat(pieces), charset);
    }
    return text;
  });
}

/** `type/subtype; name=value; ...` with RFC 2231 continuations and character sets.
 *  @returns {{value: string, parameters: Map<string, string>}} */
export function readParameters(field) {
  const [value = '', ...rest] = field.slice(0, LONGEST_FIELD).split(/;(?=(?:[^"]*"[^"]*")*[^"]*$)/);
  const pieces = new Map();
  for (const item of rest) {
    const match = /^\s*([^=\s*]+)(?:\*(\d+))?(\*)?\s*=\s*(.*?)\s*$/s.exec(item);
    if (!match) continue;
    const [, name, number, extended, raw] = match;
    const plain = raw.startsWith('"') ? raw.slice(1, -1).replace(/\\(.)/g, '$1') : raw;
    const list = pieces.get(name.toLowerCase()) ?? [];
    list.push({ number: Number(number ?? 0), extended: extended === '*', plain });
    pieces.set(name.toLowerCase(), list);
  }
  const parameters = new Map();
  for (const [name, list] of pieces) parameters.set(name, joined(list));
  return { value: value.trim().toLowerCase(), parameters };
}

function joined(list) {
  const starred = list.filter((piece) => piece.extended);
  if (starred.length === 0)
    return decodeWords(
      list
        .sort((a, b) => a.number - b.number)
        .map((p) => p.plain)
        .join(''),
    );
  list.sort((a, b) => a.number - b.number);
  let charset = 'utf-8';
  const bytes = list
    .filter((piece) => piece.extended || piece.number > 0)
    .map((piece, at) => {
      let { plain } = piece;
      const tagged = at === 0 ? /^([^']*)'[^']*'(.*)$/s.exec(plain) : null;
      if (tagged) [, charset, plain] = tagged;
      return piece.extended ? octets(plain, '%') : Buffer.from(plain, 'latin1');
    });
  return decode(Buffer.concat(bytes), charset);
}

/** @returns {{fields: [string, string][], body: string}} names in lower case, folded lines unfolded */
function split(source) {
  const blank = /^\r?\n|\r?\n\r?\n/.exec(source);
  const head = blank ? source.slice(0, blank.index) : source;
  const fields = [];
  for (const line of head.replace(/\r?\n(?=[ \t])/g, '').split(/\r?\n/)) {
    const colon = line.indexOf(':');
    if (colon > 0) fields.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }
  return { fields, body: blank ? source.slice(blank.index + blank[0].length) : '' };
}

function walk(fields, body, mail, texts, depth) {
  if (depth > DEEPEST || mail.types.length >= MOST_PARTS) return;
  const field = (name) => fields.find(([found]) => found === name)?.[1] ?? '';
  const { value, parameters } = readParameters(field('content-type') || 'text/plain; charset=us-ascii');
  const disposition = readParameters(field('content-disposition'));
  mail.types.push(value);
  const boundary = parameters.get('boundary');
  if (value.startsWith('multipart/') && boundary) {
    const parts = pieces(body, boundary).map(split);
    // Of alternatives the plainest says it all (RFC 2046, section 5.1.4: simplest first).
    const kept = value === 'multipart/alternative' ? parts.slice(0, 1) : parts;
    for (const part of parts) {
      if (kept.includes(part)) walk(part.fields, part.body, mail, texts, depth + 1);
      else walk(part.fields, part.body, mail, [], depth + 1);
    }
    return;
  }
  const bytes = transfer(body, field('content-transfer-encoding').toLowerCase());
  const name = disposition.parameters.get('filename') ?? parameters.get('name');
  if (disposition.value === 'attachment' || name !== undefined) {
    mail.attachments.push({ name: name ?? 'unnamed', type: value, bytes: bytes.length });
    return;
  }
  if (value === 'message/rfc822') {
    const inner = split(bytes.toString('latin1'));
    walk(inner.fields, inner.body, mail, texts, depth + 1);
  } else if (value.startsWith('text/') || value === 'message/delivery-status') {
    const text = decode(bytes, parameters.get('charset') ?? 'utf-8').replace(/\r\n/g, '\n');
    texts.push(value === 'text/html' ? withoutMarkup(text) : text);
  }
}

/** The parts between the boundary lines; a missing last boundary ends at the end. */
function pieces(body, boundary) {
  const parts = [];
  let part = null;
  for (const line of body.split(/(?<=\n)/)) {
    const bare = line.trimEnd();
    if (bare !== `--${boundary}` && bare !== `--${boundary}--`) {
      part?.push(line);
      continue;
    }
    if (part) parts.push(part.join('').replace(/\r?\n$/, ''));
    part = bare.endsWith('--') && bare !== `--${boundary}` ? null : [];
  }
  if (part) parts.push(part.join(''));
  return parts;
}

function transfer(body, encoding) {
  if (encoding === 'base64') return Buffer.from(body, 'base64');
  if (encoding === 'quoted-printable') return octets(body.replace(/=[ \t]*\r?\n/g, ''), '=');
  return Buffer.from(body, 'latin1');
}

function encoded([, , kind, data]) {
  return kind.toLowerCase() === 'b' ? Buffer.from(data, 'base64') : octets(data.replaceAll('_', ' '), '=');
}

function octets(text, sign) {
  const pattern = sign === '%' ? /%([0-9a-fA-F]{2})/g : /=([0-9a-fA-F]{2})/g;
  return Buffer.from(
    text.replace(pattern, (_, hex) => String.fromCharCode(Number.parseInt(hex, 16))),
    'latin1',
  );
}

function decode(bytes, charset) {
  try {
    return new TextDecoder(charset).decode(bytes);
  } catch {
    return bytes.toString('latin1'); // a character set that nobody knows: the bytes as they are
  }
}

function withoutMarkup(html) {
  const named = { amp: '&', lt: '<', gt: '>', quot: '"', nbsp: ' ', euro: '€' };
  return html
    .replace(/<(style|script)\b[^>]*>.*?<\/\1>/gis, '')
    .replace(/<(br|\/p|\/div|\/tr|\/h\d)\b[^>]*>/gi, '\n')
    .replace(/<[^>]*>/g, '')
    .replace(/&(#x?[0-9a-f]+|\w+);/gi, (whole, name) => {
      if (!name.startsWith('#')) return named[name.toLowerCase()] ?? whole;
      const code = Number.parseInt(name.replace(/^#x?/i, ''), /^#x/i.test(name) ? 16 : 10);
      return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
    });
}
