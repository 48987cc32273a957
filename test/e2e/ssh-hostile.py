# Plays an agent that has been taken over, inside its compartment: puts itself between a real ssh and the signer, keeps what they say, and
# while that session is open tries what it could be good for. One line a try on stdout: its name, and what the signer answered.
# arguments: port of the server, user, key (base64) of another agent
import base64, os, socket, struct, subprocess, sys, threading, time

REAL = os.environ['SSH_AUTH_SOCK']
PORT, USER, SIBLING = sys.argv[1], sys.argv[2], base64.b64decode(sys.argv[3])
NAMES = {5: 'failure', 6: 'success', 12: 'identities', 14: 'signed'}


def string(raw):
    return struct.pack('>I', len(raw)) + raw


def strings(raw, count):
    found = []
    for _ in range(count):
        (length,) = struct.unpack('>I', raw[:4])
        found.append(raw[4:4 + length])
        raw = raw[4 + length:]
    return found, raw


def message(end):
    head = end.recv(4, socket.MSG_WAITALL)
    if len(head) < 4:
        return None
    return end.recv(struct.unpack('>I', head)[0], socket.MSG_WAITALL)


def connect():
    end = socket.socket(socket.AF_UNIX)
    end.settimeout(10)
    for _ in range(200):  # a queue that is full is EAGAIN to who has a time limit (unix(7))
        try:
            end.connect(REAL)
            break
        except BlockingIOError:
            time.sleep(0.05)
    return end


def ask(end, body):
    try:
        end.sendall(string(body))
        answer = message(end)
    except OSError:
        return 'closed'
    if not answer:
        return 'closed'
    name = NAMES.get(answer[0], str(answer[0]))
    return f'{name} {struct.unpack(">I", answer[1:5])[0]}' if answer[0] == 12 else name


def bound(bind):
    end = connect()
    return end, ask(end, bind)


def bind_of(host_key, session, signature, forwarding=0):
    return b'\x1b' + string(b'session-bind@openssh.com') + string(host_key) + string(session) + string(signature) + bytes([forwarding])


def sign_of(key, data, flags=0):
    return b'\x0d' + string(key) + string(data) + struct.pack('>I', flags)


def say(name, answer):
    print(f'{name}: {answer}', flush=True)


def tries(bind, sign):
    (_, host_key, session, signature), _ = strings(bind[1:], 4)
    (key, data), _ = strings(sign[1:], 2)
    flipped = bytes([signature[-1] ^ 1])
    say('genuine, on a connection of its own', ' '.join([bound(bind)[1], ask(bound(bind)[0], b'\x0b'), ask(bound(bind)[0], sign)]))
    say('unbound', ask(connect(), sign))
    for name, other in {
        'another session id': bind_of(host_key, session[:-1] + bytes([session[-1] ^ 1]), signature),
        'a forged signature': bind_of(host_key, session, signature[:-1] + flipped),
        'forwarded': bind_of(host_key, session, signature, 1),
        'another host key': bind_of(string(b'ssh-ed25519') + string(bytes(range(32))), session, signature),
        'a host key of no kind': bind_of(b'', session, signature),
        'a boolean of 2': bind_of(host_key, session, signature, 2),
        'cut off': bind[:-1],
        'too much': bind + b'\0',
    }.items():
        end, answer = bound(other)
        say(f'bind with {name}', f'{answer}, then {ask(end, sign)}')
    end, _ = bound(bind)
    say('bound twice', f'{ask(end, bind)}, then {ask(end, sign)}')
    plain = string(session) + b'\x32' + string(USER.encode()) + string(b'ssh-connection')
    rest = b'\x01' + string(b'ssh-ed25519') + string(key)
    for name, other in {
        'another session': data.replace(session, session[:-1] + bytes([session[-1] ^ 1])),
        'another user': data.replace(string(USER.encode()), string(b'root')),
        'another service': data.replace(b'ssh-connection', b'ssh-connectioN'),
        'another method': plain + string(b'hostbased') + rest,
        'a query': plain + string(b'publickey') + b'\x00' + rest[1:],
        'another host key': plain + string(b'publickey-hostbound-v00@openssh.com') + rest + string(b'x' * len(host_key)),
        'something after': data + b'\0',
        'SSHSIG': b'SSHSIG' + string(b'git') + string(b'') + string(b'sha512') + string(b'h' * 64),
        'the session id alone': session,
        'a certificate request': string(b'ssh-ed25519-cert-v01@openssh.com') + b'x' * 200,
        'nothing': b'',
    }.items():
        say(f'sign {name}', ask(bound(bind)[0], sign_of(key, other)))
    say('sign plain publickey', ask(bound(bind)[0], sign_of(key, plain + string(b'publickey') + rest)))
    say('sign with flags', ask(bound(bind)[0], sign_of(key, data, 4)))
    say('sign with the key of another agent', ask(bound(bind)[0], sign_of(SIBLING, data.replace(key, SIBLING))))
    for kind in (1, 3, 9, 17, 18, 19, 20, 22, 23, 25, 26, 27, 255):
        end, _ = bound(bind)
        answer = ask(end, bytes([kind]) + string(b'x') + string(b'y'))
        if answer != 'failure' or ask(end, b'\x0b') != 'identities 1':
            say('other request', f'{kind} {answer}')
    say('other requests', 'all failure')
    for name, raw in {'no length': b'\0\0\0\0', 'a huge length': b'\xff\xff\xff\xff' + b'x' * 65536, 'too long': struct.pack('>I', 16385) + b'x' * 16385}.items():
        end = connect()
        try:
            end.sendall(raw)
            say(name, 'answered' if end.recv(1) else 'closed')
        except OSError:
            say(name, 'closed')
    slow = connect()
    for byte in string(b'\x0b'):
        slow.sendall(bytes([byte]))
    say('byte by byte', NAMES[message(slow)[0]])
    together = connect()
    together.sendall(string(b'\x0b') * 3 + string(b'\x13'))
    say('several at once', ' '.join(NAMES[message(together)[0]] for _ in range(4)))
    deaf = connect()
    deaf.settimeout(0.5)
    sent = 0
    try:
        while sent < 4_000_000:
            sent += deaf.send(string(b'\x0b') * 2000)
    except OSError:
        pass
    say('who does not read', 'is not read' if sent < 4_000_000 else 'is read on and on')
    deaf.close()
    many = [connect() for _ in range(60)]
    closed = sum(1 for end in many if ask(end, b'\x0b') == 'closed')
    for end in many:
        end.close()
    say('many connections', 'bounded' if 20 <= closed < 60 else f'{closed} closed')
    for _ in range(100):  # until the gateway has seen the end of those
        end, answer = bound(bind)
        if answer == 'success':
            break
        time.sleep(0.05)
    answers, began = [], time.monotonic()

    def again():
        own, _ = bound(bind)
        answers.extend(ask(own, sign) for _ in range(40))

    threads = [threading.Thread(target=again) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    signed, most = answers.count('signed'), 60 + time.monotonic() - began + 1
    say('many signatures', 'bounded' if 30 <= signed <= most and len(answers) == 320 else f'{signed} of {len(answers)}')


def between(server, kept, during):
    end, _ = server.accept()
    real = connect()
    while True:
        asked = message(end)
        if asked is None:
            return
        if asked[0] == 27:
            kept['bind'] = asked
        if asked[0] == 13:
            kept['sign'] = asked
            during(kept['bind'], asked)
        real.sendall(string(asked))
        end.sendall(string(message(real)))


def session(during, *options):
    path = f'/tmp/between-{os.getpid()}-{len(os.listdir("/tmp"))}'
    server = socket.socket(socket.AF_UNIX)
    server.bind(path)
    server.listen(4)
    kept = {}
    threading.Thread(target=between, args=(server, kept, during), daemon=True).start()
    done = subprocess.run(
        ['ssh', *options, '-p', PORT, f'{USER}@git.test', 'true'],
        env={**os.environ, 'SSH_AUTH_SOCK': path}, stdin=subprocess.DEVNULL, capture_output=True, timeout=110,
    )
    return kept, done


kept, done = session(lambda bind, sign: None)
say('a session through what stands between', f'ends with {done.returncode}' + ('' if done.returncode == 0 else repr(done.stderr)))
for _ in range(100):  # until the gateway has seen its end
    replayed, answer = bound(kept['bind'])
    if ask(replayed, b'\x0b') == 'identities 0':
        break
    replayed.close()
    time.sleep(0.1)
say('its bind once it has ended', f'{answer}, {ask(replayed, bytes([11]))}, then {ask(replayed, kept["sign"])}')
session(tries)
