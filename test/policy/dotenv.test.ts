import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDotenv, secretsIn } from '../../src/policy/dotenv.ts';

test('a .env file is read as it stands, and what is secret in it is found', () => {
  const key = `sk-proj-${'a1B2'.repeat(8)}`;
  const text = `# mine\nexport OPENAI_API_KEY="${key}"\nDEBUG=1\nDB_PASSWORD='hunter2-hunter2' # old\nEMPTY=\nnot a line\nTOKEN=$(cat x)\nPLAIN_TOKEN=abcdefgh123 # c\n`;
  const { variables, malformed } = readDotenv(text);
  assert.deepEqual(malformed, [6]);
  assert.deepEqual(
    secretsIn(variables).map(({ variable: { name, value }, secret }) => [name, value, secret]),
    [
      ['OPENAI_API_KEY', key, 'openai-api-key'],
      ['DB_PASSWORD', 'hunter2-hunter2', 'db-password'],
      ['PLAIN_TOKEN', 'abcdefgh123', 'plain-token'],
    ],
  );
});
