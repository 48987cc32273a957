// A Linux program for x86_64 that prints a text and ends. Layout: ELF-64 object file format (System V ABI, chapter 4 and 5);
// system call numbers: linux/arch/x86/entry/syscalls/syscall_64.tbl (write 1, exit 60).

const BASE = 0x400000;
const HEADERS = 64 + 56;

/** @param {string} text what it prints
 *  @returns {Buffer} the whole file, to be written with mode 755 */
export function programThatPrints(text) {
  const message = Buffer.from(text, 'utf8');
  const code = instructions(message.length);
  const size = HEADERS + code.length + message.length;
  return Buffer.concat([fileHeader(), programHeader(size), code, message]);
}

function instructions(length) {
  const code = Buffer.from([
    ...[0xb8, 1, 0, 0, 0], // mov eax, 1          write
    ...[0xbf, 1, 0, 0, 0], // mov edi, 1          to stdout
    ...[0x48, 0x8d, 0x35, 0, 0, 0, 0], // lea rsi, [rip + n]  the text, right behind the code
    ...[0xba, 0, 0, 0, 0], // mov edx, length
    ...[0x0f, 0x05], // syscall
    ...[0xb8, 60, 0, 0, 0], // mov eax, 60         exit
    ...[0x31, 0xff], // xor edi, edi        with 0
    ...[0x0f, 0x05], // syscall
  ]);
  code.writeInt32LE(code.length - 17, 13);
  code.writeUInt32LE(length, 18);
  return code;
}

function fileHeader() {
  const header = Buffer.alloc(64);
  header.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]); // "\x7fELF", 64 bit, little endian, version 1
  header.writeUInt16LE(2, 16); // executable
  header.writeUInt16LE(62, 18); // x86-64
  header.writeUInt32LE(1, 20);
  header.writeBigUInt64LE(BigInt(BASE + HEADERS), 24); // entry
  header.writeBigUInt64LE(64n, 32); // program headers start here
  header.writeUInt16LE(64, 52);
  header.writeUInt16LE(56, 54);
  header.writeUInt16LE(1, 56);
  return header;
}

function programHeader(size) {
  const header = Buffer.alloc(56);
  header.writeUInt32LE(1, 0); // load
  header.writeUInt32LE(5, 4); // readable, executable
  header.writeBigUInt64LE(BigInt(BASE), 16);
  header.writeBigUInt64LE(BigInt(BASE), 24);
  header.writeBigUInt64LE(BigInt(size), 32);
  header.writeBigUInt64LE(BigInt(size), 40);
  header.writeBigUInt64LE(0x1000n, 48);
  return header;
}
