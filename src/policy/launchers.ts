import { interpreter } from './interpreters.ts';

/** Programs that start other programs when they are told to, or change who may do what. Nobody is advised to allow one for good: after
 *  that it says little what the agent runs. From their manual pages; interpreters are a list of their own. */
const STARTING = `
  env xargs find fd parallel nice ionice nohup setsid timeout stdbuf time watch script flock taskset chrt prlimit choom
  sudo su doas pkexec runuser setpriv capsh chroot unshare nsenter bwrap firejail start-stop-daemon run-parts systemd-run daemonize
  strace ltrace gdbserver valgrind perf rlwrap expect unbuffer screen tmux dtach byobu at batch crontab
  ssh scp sftp rsync rclone mosh telnet ftp tftp lftp socat nc ncat netcat nmap tcpdump curl wget aria2c
  git hg svn bzr cvs gh glab tar cpio zip 7z rar sort split csplit rg ag ack less more most man pg vim vi nano pico joe ed ex emacs
  apt apt-get aptitude dpkg rpm yum dnf zypper pacman apk snap flatpak brew nix pip pipx gem cargo go mvn gradle npm npx yarn pnpm
  docker podman nerdctl kubectl helm crictl buildah runc lxc virsh qemu systemctl service loginctl machinectl dbus-send busctl
  gcc cc g++ c++ clang ld as make cmake ninja meson bison flex m4 tex pdftex latex pdflatex dvips psftp openssl gpg openvpn
  mysql mariadb psql sqlite3 redis-cli mongo mongosh ansible ansible-playbook puppet terraform vagrant restic borg logrotate
  ld.so ldconfig ldd dmesg journalctl ip tc wall write mail mutt ffmpeg convert magick yq`;

const PERMITTING = `
  chmod chown chgrp setfacl setcap chattr install mount umount mknod mkfifo ln cp mv dd
  useradd userdel usermod groupadd groupmod passwd chpasswd visudo update-alternatives sysctl modprobe insmod iptables nft`;

const LISTED: ReadonlySet<string> = new Set(`${STARTING} ${PERMITTING}`.trim().split(/\s+/));

/** Whether a program starts others, runs what it is given to read, or changes permissions.
 *  @param program  a name or path */
export function startsOthers(program: string): boolean {
  const name = program.slice(program.lastIndexOf('/') + 1);
  const plain = name.replace(/[-.]?\d[\d.]*$/u, '');
  return LISTED.has(name) || LISTED.has(plain) || /^ld(?:-|\.so|64)/.test(name) || interpreter(name) !== undefined;
}
