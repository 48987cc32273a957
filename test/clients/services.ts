import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { join } from 'node:path';
import { CLOSE, closing, frame } from '../../src/protocol/websocket.ts';

/** What well-known clients talk to, played in one server: a registry of npm's, an index of Python packages, git over HTTP, and whatever else
 *  is asked for. The first piece of every answer has the credential in it that came, as a server that is not careful would. */
export class Services {
  readonly #folder: string;
  readonly #host: string;
  port = 0;
  /** Runs once the client has the head of the answer, and before it has the rest. */
  meanwhile: () => void = () => {};

  constructor(folder: string, host: string) {
    this.#folder = folder;
    this.#host = host;
    const run = (program: string, ...args: string[]): unknown =>
      execFileSync(program, args, { cwd: folder, stdio: 'pipe' });
    run('mkdir', '-p', 'git', 'package');
    for (const name of ['thing', 'other']) {
      run('git', 'init', '-q', '--bare', '-b', 'main', `git/${name}.git`);
      run('git', '-C', `git/${name}.git`, 'config', 'http.receivepack', 'true');
    }
    execFileSync('sh', ['-c', 'cat >package/package.json'], {
      cwd: folder,
      input: JSON.stringify({ name: 'thing', version: '1.0.0' }),
    });
    run('tar', '-czf', 'thing.tgz', 'package/package.json');
    execFileSync('python3', ['-'], { cwd: folder, input: WHEEL });
  }

  readonly answer = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname } = new URL(request.url ?? '/', `https://${this.#host}`);
    response.setHeader(
      'x-you-sent',
      request.headers.authorization ?? request.headers['x-key']?.toString() ?? 'nothing',
    );
    if (pathname.startsWith('/git/')) this.#git(request, response, pathname);
    else this.#plain(request, response, pathname);
  };

  /** A WebSocket (RFC 6455): what it was given comes back whole, in fragments, and behind much else; then the answer, and the end. */
  readonly upgrade = (request: IncomingMessage, socket: Socket): void => {
    const { authorization = 'nothing', 'sec-websocket-key': key } = request.headers;
    const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64');
    const send = (opcode: number, fin: boolean, payload: string | Buffer): void =>
      void socket.write(frame(opcode, fin, Buffer.from(payload as string)));
    socket.on('error', () => {});
    socket.write(
      `HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\nX-You-Sent: ${authorization}\r\n\r\n`,
    );
    send(TEXT, true, `you sent ${authorization}`);
    for (let at = 0; at < authorization.length; at += 7)
      send(at === 0 ? TEXT : 0, at + 7 >= authorization.length, authorization.slice(at, at + 7));
    send(TEXT, true, 'x'.repeat(100_000) + authorization);
    setTimeout(() => {
      this.meanwhile();
      send(TEXT, true, 'an answer');
      socket.end(frame(CLOSE, true, closing(1000, '')));
    }, 100);
  };

  #plain(request: IncomingMessage, response: ServerResponse, pathname: string): void {
    const found = this.#file(pathname);
    request.resume().once('end', () => {
      response.writeHead(found.status ?? 200, { 'content-type': found.type, 'content-length': found.body.length });
      response.flushHeaders();
      setTimeout(() => {
        this.meanwhile();
        response.end(found.body);
      }, 50);
    });
  }

  #file(path: string): { readonly status?: number; readonly type: string; readonly body: Buffer } {
    const file = (name: string): Buffer => readFileSync(join(this.#folder, name));
    const at = `https://${this.#host}:${this.port}`;
    switch (path) {
      case '/npm/thing': {
        const integrity = `sha512-${createHash('sha512').update(file('thing.tgz')).digest('base64')}`;
        const dist = { tarball: `${at}/npm/thing/-/thing-1.0.0.tgz`, integrity };
        const versions = { '1.0.0': { name: 'thing', version: '1.0.0', dist } };
        const body = JSON.stringify({ name: 'thing', 'dist-tags': { latest: '1.0.0' }, versions });
        return { type: 'application/json', body: Buffer.from(body) };
      }
      case '/npm/thing/-/thing-1.0.0.tgz':
        return { type: 'application/octet-stream', body: file('thing.tgz') };
      case '/simple/thing/':
        return { type: 'text/html', body: Buffer.from(`<a href="/files/${WHEEL_NAME}">${WHEEL_NAME}</a>`) };
      case `/files/${WHEEL_NAME}`:
        return { type: 'application/octet-stream', body: file(WHEEL_NAME) };
      default:
        return { type: 'text/plain', body: Buffer.from('an answer\n') };
    }
  }

  /** gitprotocol-http(5) by git's own program, which speaks CGI (git-http-backend(1), RFC 3875). Without a credential it asks for one. */
  #git(request: IncomingMessage, response: ServerResponse, pathname: string): void {
    if (request.headers.authorization === undefined) {
      response.writeHead(401, { 'www-authenticate': 'Basic realm="git"', 'content-length': 0 }).end();
      return;
    }
    this.meanwhile();
    const { search } = new URL(request.url ?? '/', `https://${this.#host}`);
    const header = (name: string): string => request.headers[name]?.toString() ?? '';
    const backend: ChildProcess = spawn('git', ['http-backend'], {
      env: {
        ...{ PATH: process.env.PATH, GIT_PROJECT_ROOT: join(this.#folder, 'git'), GIT_HTTP_EXPORT_ALL: '1' },
        ...{ REMOTE_USER: 'somebody', REMOTE_ADDR: '127.0.0.1', REQUEST_METHOD: request.method },
        ...{ PATH_INFO: pathname.slice('/git'.length), QUERY_STRING: search.slice(1) },
        ...{ CONTENT_TYPE: header('content-type'), HTTP_CONTENT_ENCODING: header('content-encoding') },
        ...(header('content-length') && { CONTENT_LENGTH: header('content-length') }),
        ...(header('git-protocol') && { GIT_PROTOCOL: header('git-protocol') }),
      },
      stdio: ['pipe', 'pipe', 'ignore'],
    });
    const { stdin, stdout } = backend;
    if (stdin === null || stdout === null) throw new Error('no pipes');
    request.pipe(stdin.on('error', () => {}));
    const chunks: Buffer[] = [];
    stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
    stdout.once('end', () => {
      const all = Buffer.concat(chunks);
      const end = all.indexOf('\r\n\r\n');
      for (const line of all.subarray(0, end).toString('latin1').split('\r\n')) {
        const [name = '', value = ''] = line.split(/: (.*)/s);
        if (name === 'Status') response.statusCode = Number.parseInt(value, 10);
        else response.setHeader(name, value);
      }
      response.end(all.subarray(end + 4));
    });
  }
}

const TEXT = 1;
const WHEEL_NAME = 'thing-1.0-py3-none-any.whl';
/** Binary distribution format (PEP 427). */
const WHEEL = `
import zipfile
with zipfile.ZipFile('${WHEEL_NAME}', 'w') as z:
    z.writestr('thing.py', 'print("the thing")\\n')
    z.writestr('thing-1.0.dist-info/METADATA', 'Metadata-Version: 2.1\\nName: thing\\nVersion: 1.0\\n')
    z.writestr('thing-1.0.dist-info/WHEEL', 'Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    z.writestr('thing-1.0.dist-info/RECORD', '')
`;
