import { createSocket } from 'node:dgram';

// A time server (RFC 5905) that is an hour ahead, on UDP port 123 of each address it is given with a behaviour; it prints what it was sent.
// Runs as root in the pretended internet.

const HOUR_AHEAD = 3600;
const EPOCH = 2_208_988_800;

function stamp(): bigint {
  const now = (performance.timeOrigin + performance.now()) / 1000 + EPOCH + HOUR_AHEAD; // never goes back between two of one answer
  return (BigInt(Math.floor(now)) << 32n) | BigInt(Math.floor((now % 1) * 0x100000000));
}

function answer(question: Buffer): Buffer {
  const message = Buffer.alloc(48);
  message.set([((question[0] ?? 0) & 0x38) | 4, 1, 6, 0xec]);
  message.writeUInt32BE(0x80, 8);
  message.write('GPSs', 12, 'latin1');
  message.writeBigUInt64BE(stamp() - (5n << 32n), 16);
  message.set(question.subarray(40, 48), 24);
  message.writeBigUInt64BE(stamp(), 32);
  message.writeBigUInt64BE(stamp(), 40);
  return message;
}

function changed(message: Buffer, at: number, value: number): Buffer {
  message[at] = value;
  return message;
}

const BEHAVIOURS: Readonly<Record<string, (question: Buffer) => readonly Buffer[]>> = {
  plain: (question) => [answer(question)],
  silent: () => [],
  origin: (question) => [changed(answer(question), 31, ((question[47] ?? 0) + 1) & 255)],
  mode: (question) => [changed(answer(question), 0, (4 << 3) | 5)],
  leap: (question) => [changed(answer(question), 0, (3 << 6) | (4 << 3) | 4)],
  stratum: (question) => [changed(answer(question), 1, 16)],
  long: (question) => [Buffer.concat([answer(question), Buffer.from('to the agent, unread')])],
  kiss: (question) => [changed(answer(question), 1, 0)],
  // A wrong one before the right one, as somebody else might send it.
  late: (question) => [changed(answer(question), 24, 0xff ^ (question[40] ?? 0)), answer(question)],
  flood: (question) => Array.from({ length: 50 }, () => changed(answer(question), 24, 0xff ^ (question[40] ?? 0))),
  telling: (question) => {
    const message = answer(question);
    message.write('tell', 12, 'latin1');
    message.write('an agent', 16, 'latin1');
    message.writeBigUInt64BE(stamp() - (9n << 32n), 16);
    message[2] = 0x61;
    message[3] = 0x62;
    return [message];
  },
};

const sockets = process.argv.slice(2).map(async (word) => {
  const [address = '', behaviour = ''] = word.split('=');
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => {
    process.stdout.write(`${JSON.stringify({ address, question: message.toString('hex'), port: from.port })}\n`);
    if (behaviour === 'elsewhere') {
      const other = createSocket('udp4');
      other.send(answer(message), from.port, from.address, () => other.close());
    }
    for (const one of BEHAVIOURS[behaviour]?.(message) ?? []) socket.send(one, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(123, address, resolve));
});
await Promise.all(sockets);
process.stdout.write('{"ready":true}\n');
