import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readDotenv, secretsIn } from '../../src/policy/dotenv.ts';

test('a .env file is read as it stands, and what is secret in it is found', () => {
  const key = `sk-proj-${'a1B2'.repeat(8)}`;
  const text = `# mine\nexport OPENAI_API_KEY="${key}"\nDEBUG=1\nDB_PASSWORD='hunter2-hunter2' # old\nEMPTY=\nnot a line\nTOKEN=$(cat x)\nPLAIN_TOKEN=abcdefgh123 # c\n`;
  const { variables, malformed } = readDotenv(text);
  assert.deepEqual(malformed, [6]);
  assert.deepEqual(
    secretsIn(variables).found.map(({ variable: { name, value }, secret }) => [name, value, secret]),
    [
      ['OPENAI_API_KEY', key, 'openai-api-key'],
      ['DB_PASSWORD', 'hunter2-hunter2', 'db-password'],
      ['PLAIN_TOKEN', 'abcdefgh123', 'plain-token'],
    ],
  );
});

test('of a variable that stands twice the last counts, and what looks secret and cannot be kept is said', () => {
  const { variables } = readDotenv(
    'A_TOKEN=abcdefgh1\nA_TOKEN=abcdefgh2\nA__TOKEN=abcdefgh3\nB_PASSWORD=two words\nC_SECRET=short\nD_KEY=\n',
  );
  const { found, left } = secretsIn(variables);
  assert.deepEqual(
    found.map(({ variable, secret }) => [secret, variable.value, variable.line]),
    [['a-token', 'abcdefgh2', 2]],
  );
  assert.deepEqual(
    left.map(({ variable, why }) => [variable.name, why]),
    [
      ['A__TOKEN', 'would have the name of A_TOKEN, a-token'],
      ['B_PASSWORD', 'holds a space, a line feed or another character that is not printable ASCII'],
      ['C_SECRET', 'is shorter than 8 characters, too short to be recognised'],
    ],
  );
});

test('of an address that a service gives out, the part that is secret is kept', () => {
  const { variables } = readDotenv('SLACK_WEBHOOK_URL=https://hooks.slack.com/services/T01/B02/abcdefgh12345678\n');
  assert.deepEqual(
    secretsIn(variables).found.map(({ variable: { value } }) => value),
    ['T01/B02/abcdefgh12345678'],
  );
});
