/** What a JSON text says (RFC 8259). @returns undefined, which no such text can say: it is none */
export function readJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
