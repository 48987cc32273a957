/** Fields by which some servers take a request for another one than its first line says. */
export const OTHER_METHOD: readonly string[] = ['x-http-method-override', 'x-http-method', 'x-method-override'];
export const OTHER_TARGET: readonly string[] = ['x-original-url', 'x-rewrite-url'];

/** Two names are one to servers that hand fields on in variables, where a hyphen becomes an underscore (RFC 3875, 4.1.18). */
export function sameField(one: string, other: string): boolean {
  return one === other || oneField(one) === oneField(other);
}

/** Equal for names that are one. */
export function oneField(name: string): string {
  return name.includes('_') ? name.replaceAll('_', '-') : name;
}

export function hasField(
  headers: readonly (readonly [name: string, value: string])[],
  names: readonly string[],
): boolean {
  return headers.some(([name]) => names.some((one) => sameField(one, name)));
}
