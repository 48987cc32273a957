/** As much of JSON Schema (draft 7) as our own schema uses; a keyword it does not know is an error, not a pass. */
export interface Schema {
  readonly type?: string | readonly string[];
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: Schema | boolean;
  readonly propertyNames?: Schema;
  readonly minProperties?: number;
  readonly items?: Schema;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly anyOf?: readonly Schema[];
  readonly enum?: readonly unknown[];
  readonly pattern?: string;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly description?: string;
}

const SILENT = ['$schema', 'title', 'description'];
const KNOWN = [
  'type',
  'properties',
  'required',
  'additionalProperties',
  'propertyNames',
  'minProperties',
  'items',
  'minItems',
  'maxItems',
  'anyOf',
  'enum',
  'pattern',
  'minLength',
  'maxLength',
  'minimum',
  'maximum',
];

/** @returns what is wrong with the value, one line each; nothing: it agrees */
export function agrees(schema: Schema, value: unknown, at = ''): string[] {
  const unknown = Object.keys(schema).find((key) => !KNOWN.includes(key) && !SILENT.includes(key));
  if (unknown !== undefined) throw new Error(`this validator does not know ${unknown}`);
  const wrong: string[] = [];
  const must = (holds: boolean, what: string): void => void (holds || wrong.push(`${at}: ${what}`));
  if (schema.type !== undefined)
    must(
      [schema.type].flat().some((type) => typeOf(value, type)),
      `is not of type ${schema.type}`,
    );
  if (schema.enum !== undefined) must(schema.enum.includes(value), 'is not in the enum');
  if (schema.anyOf !== undefined)
    must(
      schema.anyOf.some((one) => agrees(one, value, at).length === 0),
      'fits no branch',
    );
  if (typeof value === 'string') {
    if (schema.pattern !== undefined)
      must(new RegExp(schema.pattern, 'u').test(value), `does not match ${schema.pattern}`);
    must(value.length >= (schema.minLength ?? 0) && value.length <= (schema.maxLength ?? Infinity), 'has a bad length');
  }
  if (typeof value === 'number')
    must(value >= (schema.minimum ?? -Infinity) && value <= (schema.maximum ?? Infinity), 'is out of range');
  if (Array.isArray(value)) {
    must(value.length >= (schema.minItems ?? 0) && value.length <= (schema.maxItems ?? Infinity), 'has a bad length');
    if (schema.items) for (const [i, item] of value.entries()) wrong.push(...agrees(schema.items, item, `${at}[${i}]`));
  } else if (typeof value === 'object' && value !== null) wrong.push(...members(schema, value, at));
  return wrong;
}

function members(schema: Schema, value: object, at: string): string[] {
  const wrong = (schema.required ?? [])
    .filter((key) => !Object.hasOwn(value, key))
    .map((key) => `${at}: has no ${key}`);
  if (Object.keys(value).length < (schema.minProperties ?? 0)) wrong.push(`${at}: has too few members`);
  for (const [key, inner] of Object.entries(value)) {
    const known = Object.hasOwn(schema.properties ?? {}, key) ? schema.properties?.[key] : schema.additionalProperties;
    if (schema.propertyNames) wrong.push(...agrees(schema.propertyNames, key, `${at}.${key}`));
    if (known === false) wrong.push(`${at}: has the unknown key ${key}`);
    else if (typeof known === 'object') wrong.push(...agrees(known, inner, `${at}.${key}`));
  }
  return wrong;
}

function typeOf(value: unknown, type: string): boolean {
  if (type === 'integer') return Number.isSafeInteger(value);
  if (type === 'array') return Array.isArray(value);
  if (type === 'object') return typeof value === 'object' && value !== null && !Array.isArray(value);
  return typeof value === type;
}
