import { existsSync, readdirSync, readFileSync } from 'node:fs';

/** What a test can see of the machine, read from the kernel and from /etc, not through the product. */
export function mountPoints(): string[] {
  return lines('/proc/self/mountinfo').map((line) =>
    (line.split(' ')[4] ?? '').replace(/\\([0-7]{3})/g, (_, code: string) =>
      String.fromCharCode(Number.parseInt(code, 8)),
    ),
  );
}

export function netnsNames(): string[] {
  return existsSync('/run/netns') ? readdirSync('/run/netns') : [];
}

export function userNames(): string[] {
  return lines('/etc/passwd').map((line) => line.split(':')[0] ?? '');
}

export function groupNames(): string[] {
  return lines('/etc/group').map((line) => line.split(':')[0] ?? '');
}

/** Loop devices in use and the files under them. */
export function loopDevices(): { device: string; file: string }[] {
  return readdirSync('/sys/block')
    .filter((name) => name.startsWith('loop'))
    .map((name) => ({ device: `/dev/${name}`, from: `/sys/block/${name}/loop/backing_file` }))
    .flatMap(({ device, from }) => {
      try {
        return [{ device, file: readFileSync(from, 'utf8').trim() }];
      } catch {
        return []; // not in use, or not any more
      }
    });
}

export function lines(path: string): string[] {
  return readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '');
}
