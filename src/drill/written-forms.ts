/** How a text may stand in a file that somebody wrote it to: as it is, URL-encoded, in JSON, in hexadecimal, in base64 of it alone or of a longer text. Pure.
 *  Letters of both cases are meant by each. */
export function writtenForms(value: string): string[] {
  const bytes = Buffer.from(value, 'latin1');
  const each = (before: string): string => [...bytes].map((byte) => before + hex(byte)).join('');
  return [
    value,
    JSON.stringify(value).slice(1, -1),
    encodeURIComponent(value),
    each('%'),
    each('\\u00'),
    each('\\x'),
    each(''),
    ...[0, 1, 2].flatMap((before) => inBase64(bytes, before)),
  ].filter((form, at, all) => all.indexOf(form) === at);
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, '0');
}

/** The letters that are the same whatever stands around it (RFC 4648, 4 and 5).
 *  @param before  bytes before it, modulo 3 */
function inBase64(bytes: Buffer, before: number): string[] {
  const padded = Buffer.concat([Buffer.alloc(before), bytes]);
  const whole = padded.length - (padded.length % 3);
  return (['base64', 'base64url'] as const).map((coding) =>
    padded
      .subarray(0, whole)
      .toString(coding)
      .slice(before === 0 ? 0 : 4),
  );
}
