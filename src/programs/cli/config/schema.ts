import { z } from 'zod';
import { fleetShape } from './shape.ts';

/** The JSON Schema of fleet.yaml for editors, as it stands in schema/fleet.schema.json. Draft 7, which YAML language servers know
 *  best. `node src/programs/cli/config/schema.ts > schema/fleet.schema.json` writes it anew. */
export function fleetSchema(): string {
  const schema = z.toJSONSchema(fleetShape, { target: 'draft-7', io: 'input' });
  return `${JSON.stringify(schema, undefined, 2)}\n`;
}

if (import.meta.main) process.stdout.write(fleetSchema());
