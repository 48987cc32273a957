import { createSocket, type Socket } from 'node:dgram';
import { createServer, type Server } from 'node:net';

/** A name server for the arena: it answers every question, truthfully for the arena, and remembers what it was asked. That is
 *  what a resolver on the internet would do with a secret in a name. RFC 1035 section 4; only what the drill needs of it. */
export interface Zone {
  /** IPv4 for a lower-case name without its last dot. */
  readonly address: (name: string) => string;
  /** The text record of every name. */
  readonly text: string;
  readonly seen: (name: string) => void;
}

const TYPE_A = 1;
const TYPE_TXT = 16;

/** The first question of a message. Malformed bytes give undefined: nothing to answer. */
export function question(message: Buffer): { name: string; type: number; end: number } | undefined {
  const labels: string[] = [];
  let at = 12;
  for (;;) {
    const length = message[at];
    if (length === undefined || length > 63) return undefined;
    at += 1;
    if (length === 0) break;
    if (at + length > message.length) return undefined;
    labels.push(message.toString('latin1', at, at + length));
    at += length;
  }
  if (at + 4 > message.length) return undefined;
  return { name: labels.join('.').toLowerCase(), type: message.readUInt16BE(at), end: at + 4 };
}

export function answer(message: Buffer, zone: Zone): Buffer | undefined {
  const asked = question(message);
  if (asked === undefined) return undefined;
  zone.seen(asked.name);
  const data =
    asked.type === TYPE_A
      ? Buffer.from(zone.address(asked.name).split('.').map(Number))
      : asked.type === TYPE_TXT
        ? Buffer.concat([Buffer.from([zone.text.length]), Buffer.from(zone.text, 'latin1')])
        : undefined;
  const reply = Buffer.concat([message.subarray(0, asked.end), ...(data ? [record(asked.type, data)] : [])]);
  reply.writeUInt16BE(0x8580, 2); // QR, AA, RD, RA
  reply.writeUInt16BE(1, 4);
  reply.writeUInt16BE(data ? 1 : 0, 6);
  reply.writeUInt32BE(0, 8);
  return reply;
}

function record(type: number, data: Buffer): Buffer {
  const head = Buffer.alloc(12);
  head.writeUInt16BE(0xc00c, 0); // the name of the question
  head.writeUInt16BE(type, 2);
  head.writeUInt16BE(1, 4);
  head.writeUInt32BE(1, 6);
  head.writeUInt16BE(data.length, 10);
  return Buffer.concat([head, data]);
}

export function dnsOverUdp(address: string, port: number, zone: Zone): Promise<Socket> {
  const socket = createSocket(address.includes(':') ? 'udp6' : 'udp4');
  socket.on('message', (message, from) => {
    const reply = answer(message, zone);
    if (reply) socket.send(reply, from.port, from.address);
  });
  return new Promise((resolve, reject) => {
    socket.once('error', reject);
    socket.bind(port, address, () => resolve(socket));
  });
}

export function dnsOverTcp(address: string, port: number, zone: Zone): Promise<Server> {
  const server = createServer((socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk: Buffer) => {
      const reply = answer(chunk.subarray(2), zone);
      if (!reply) return void socket.destroy();
      const length = Buffer.alloc(2);
      length.writeUInt16BE(reply.length, 0);
      socket.end(Buffer.concat([length, reply]));
    });
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve(server));
  });
}
