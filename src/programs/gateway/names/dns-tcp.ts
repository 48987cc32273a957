import type { Door } from '../door.ts';
import { consume, firstBytes } from '../first-bytes.ts';
import { answerDns } from './dns-answers.ts';

const MOST_QUESTIONS = 100;

/** DNS over TCP (RFC 7766): messages with their length in two bytes before them, one after the other. */
export async function serveDnsOverTcp({ client, compartment }: Door): Promise<void> {
  for (let i = 0; i < MOST_QUESTIONS; i++) {
    const first = await firstBytes(client, (bytes) =>
      bytes.length >= 2 && bytes.length >= 2 + bytes.readUInt16BE(0) ? 2 + bytes.readUInt16BE(0) : undefined,
    );
    if (first.kind !== 'read') break;
    consume(client, first.value);
    const answer = await answerDns(compartment, first.bytes.subarray(2, first.value), Date.now());
    if (answer === undefined || client.destroyed) break;
    const framed = Buffer.alloc(2 + answer.length);
    framed.writeUInt16BE(answer.length, 0);
    answer.copy(framed, 2);
    client.write(framed);
  }
  client.end();
  client.destroySoon();
}
