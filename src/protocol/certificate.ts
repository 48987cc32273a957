import { createHash, type KeyObject, sign } from 'node:crypto';
import { isIP } from 'node:net';
import { bits, der, integer, objectId, octets, sequence, time, truth, utf8 } from './der.ts';

/** X.509 certificates (RFC 5280) with ECDSA over SHA-256: of an authority, and of a server that it vouches for. */
export interface Issued {
  /** 16 random bytes. */
  readonly serial: Uint8Array;
  readonly from: Date;
  readonly until: Date;
  readonly publicKey: KeyObject;
}

export interface Issuer {
  readonly name: string;
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

const ECDSA_SHA256 = sequence(objectId('1.2.840.10045.4.3.2'));
const extension = (id: string, critical: boolean, value: Uint8Array): Buffer =>
  sequence(objectId(id), ...(critical ? [truth] : []), octets(value));

/** Signs others, itself among them, and nothing below those. @returns PEM */
export function authorityCertificate(issuer: Issuer, { serial, from, until }: Omit<Issued, 'publicKey'>): string {
  return certificate(issuer, issuer.name, { serial, from, until, publicKey: issuer.publicKey }, [
    extension('2.5.29.19', true, sequence(truth, integer(Buffer.from([0])))), // basicConstraints: CA, path length 0
    extension('2.5.29.15', true, bits(Buffer.from([0x06]), 1)), // keyUsage: keyCertSign, cRLSign
    extension('2.5.29.14', false, octets(keyId(issuer.publicKey))),
  ]);
}

/** @param host  a name or an address, the only one it is good for. @returns PEM */
export function serverCertificate(issuer: Issuer, host: string, issued: Issued): string {
  const name = isIP(host) ? der(0x87, addressBytes(host)) : der(0x82, Buffer.from(host, 'latin1'));
  return certificate(issuer, host.slice(0, 64), issued, [
    extension('2.5.29.19', true, sequence()),
    extension('2.5.29.15', true, bits(Buffer.from([0x80]), 7)), // digitalSignature
    extension('2.5.29.37', false, sequence(objectId('1.3.6.1.5.5.7.3.1'))), // serverAuth
    extension('2.5.29.17', false, sequence(name)),
    extension('2.5.29.14', false, octets(keyId(issued.publicKey))),
    extension('2.5.29.35', false, sequence(der(0x80, keyId(issuer.publicKey)))),
  ]);
}

function certificate(issuer: Issuer, subject: string, issued: Issued, extensions: readonly Buffer[]): string {
  const signed = sequence(
    der(0xa0, integer(Buffer.from([2]))), // version 3
    integer(issued.serial),
    ECDSA_SHA256,
    commonName(issuer.name),
    sequence(time(issued.from), time(issued.until)),
    commonName(subject),
    spki(issued.publicKey),
    der(0xa3, sequence(...extensions)),
  );
  const whole = sequence(signed, ECDSA_SHA256, bits(sign('sha256', signed, issuer.privateKey)));
  const lines = whole.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`;
}

function commonName(text: string): Buffer {
  return sequence(der(0x31, sequence(objectId('2.5.4.3'), utf8(text))));
}

function spki(key: KeyObject): Buffer {
  return key.export({ type: 'spki', format: 'der' });
}

/** RFC 7093, 2, method 1, over the whole key information. */
function keyId(key: KeyObject): Buffer {
  return createHash('sha256').update(spki(key)).digest().subarray(0, 20);
}

function addressBytes(address: string): Buffer {
  if (!address.includes(':')) return Buffer.from(address.split('.').map(Number));
  const [before = '', after] = address.split('::');
  const groups = (text: string): number[] =>
    text === '' ? [] : text.split(':').map((one) => Number.parseInt(one, 16));
  const [head, tail] = [groups(before), groups(after ?? '')];
  const all = after === undefined ? head : [...head, ...Array<number>(8 - head.length - tail.length).fill(0), ...tail];
  return Buffer.from(all.flatMap((group) => [group >> 8, group & 0xff]));
}
