import { BlockList, createServer, connect as dial, isIPv6, type Server, type Socket } from 'node:net';

/** Proxies without any policy, which stand where the gateway stands in the positive controls. They do what careless proxies
 *  did: cut a name at its NUL byte, take any spelling of an address, follow whatever the request line says, re-serialise
 *  nothing. Whatever they are asked for, they dial only the arena: anybody on the machine can reach them while a drill runs. */
export interface Ways {
  readonly resolve: (name: string) => Promise<string>;
  readonly mayDial: (address: string, port: number) => boolean;
  /** What becomes of bytes on their way to a server. */
  readonly swap: (bytes: Buffer) => Buffer;
}

/** Documentation addresses (RFC 5737, RFC 3849), what the arena's names stand for, and of loopback only the arena's own ports. */
export function arenaOnly(addresses: readonly string[], loopbackPorts: () => readonly number[]): Ways['mayDial'] {
  const [arena, loopback] = [new BlockList(), new BlockList()];
  for (const range of ['198.51.100.0', '203.0.113.0']) arena.addSubnet(range, 24, 'ipv4');
  arena.addSubnet('2001:db8::', 32, 'ipv6');
  for (const range of ['127.0.0.0', '0.0.0.0']) loopback.addSubnet(range, 8, 'ipv4');
  const family = (address: string): 'ipv4' | 'ipv6' => (isIPv6(address) ? 'ipv6' : 'ipv4');
  for (const address of addresses)
    if (!loopback.check(address, family(address))) arena.addAddress(address, family(address));
  return (address, port) =>
    arena.check(address, family(address)) ||
    (loopback.check(address, family(address)) && loopbackPorts().includes(port));
}

/** The host and port that a careless reader sees in an authority or URL. The URL parser of WHATWG takes hexadecimal, octal,
 *  decimal and full-width spellings, user info and fragments. */
export function carelessTarget(written: string): { host: string; port: number } | undefined {
  const cut = written.replace(/\0[^:]*/, '');
  const url = URL.parse(cut.includes('://') ? cut : `http://${cut}`);
  if (url === null) return undefined;
  return { host: decodeURIComponent(url.hostname).replace(/^\[|\]$/g, ''), port: Number(url.port || 80) };
}

async function join(
  client: Socket,
  host: string,
  port: number,
  { resolve, mayDial, swap }: Ways,
  greet: string,
  first: Buffer,
): Promise<void> {
  try {
    const address = await resolve(host.replace(/\0.*$/s, '').replace(/\.$/, ''));
    if (!mayDial(address, port)) return void client.destroy();
    const server = dial({ host: address, port });
    server.on('error', () => client.destroy());
    client.on('close', () => server.destroy());
    server.on('close', () => client.end());
    server.on('connect', () => {
      if (greet !== '') client.write(Buffer.from(greet, 'latin1'));
      if (first.length > 0) server.write(swap(first));
      server.pipe(client);
      client.on('data', (bytes: Buffer) => server.write(swap(bytes)));
      client.on('end', () => server.end());
      client.resume();
    });
  } catch {
    client.destroy();
  }
}

export function openHttpProxy(address: string, port: number, ways: Ways): Promise<Server> {
  return listening(address, port, (client) => {
    client.once('data', (bytes: Buffer) => {
      client.pause();
      const text = bytes.toString('utf8');
      const line = /^([A-Z]+) +(\S+)[^\n]*\n/.exec(text);
      const form = line?.[2] ?? '';
      const named = form.startsWith('/') ? /^host:\s*(.*?)\s*$/im.exec(text)?.[1] : form;
      const target = carelessTarget(named ?? '');
      if (!line || !target) return void client.end('HTTP/1.1 400 Bad Request\r\n\r\n');
      const head = text.indexOf('\r\n\r\n');
      if (line[1] !== 'CONNECT') return void join(client, target.host, target.port, ways, '', bytes);
      const rest = head < 0 ? Buffer.alloc(0) : bytes.subarray(Buffer.byteLength(text.slice(0, head + 4)));
      join(client, target.host, target.port, ways, 'HTTP/1.1 200 Connected\r\n\r\n', rest);
    });
  });
}

/** SOCKS5 without authentication (RFC 1928), CONNECT only. */
export function openSocks(address: string, port: number, ways: Ways): Promise<Server> {
  return listening(address, port, (client) => {
    client.once('data', () => {
      client.write(Buffer.from([5, 0]));
      client.once('data', (bytes: Buffer) => {
        client.pause();
        const kind = bytes[3];
        const length = kind === 1 ? 4 : kind === 4 ? 16 : (bytes[4] ?? 0);
        const from = kind === 3 ? 5 : 4;
        const raw = bytes.subarray(from, from + length);
        const host =
          kind === 1
            ? [...raw].join('.')
            : kind === 4
              ? (raw.toString('hex').match(/..../g) ?? []).join(':')
              : (carelessTarget(raw.toString('latin1').replace(/\0.*$/s, ''))?.host ?? '');
        const at = from + length;
        if (bytes.length < at + 2) return void client.destroy();
        join(
          client,
          host,
          bytes.readUInt16BE(at),
          ways,
          '\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00',
          bytes.subarray(at + 2),
        );
      });
    });
  });
}

function listening(address: string, port: number, on: (client: Socket) => void): Promise<Server> {
  const server = createServer((client) => {
    client.on('error', () => client.destroy());
    on(client);
  });
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, address, () => resolve(server));
  });
}
