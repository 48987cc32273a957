import type { CompartmentFacts } from './facts.ts';
import { READ } from './inside.ts';
import type { Order } from './orders.ts';

/** Where a compartment that uses secrets finds whom to trust: connections to their destinations end at the gateway, which answers under
 *  the fleet's own authority. No other compartment, and nothing outside, trusts it. */
const AUTHORITY = '/etc/bulkhead/authority.pem';
const TRUSTED = '/etc/bulkhead/trusted.pem';

export function trustOrders({ trust }: CompartmentFacts, root: string): Order[] {
  if (trust === undefined) return [];
  const bind = (from: string, at: string): Order => ({ do: 'bind', from, at: root + at, flags: READ });
  return [
    bind(trust.authority, AUTHORITY),
    bind(trust.bundle, TRUSTED),
    ...trust.over.map((at) => bind(trust.bundle, at)),
  ];
}

/** For programs that bring their own list of roots, or are told of one. Those that add take the authority, those that replace take all. */
export const TRUST_VARIABLES: Readonly<Record<string, string>> = {
  NODE_EXTRA_CA_CERTS: AUTHORITY, // Node adds these to its own
  DENO_CERT: AUTHORITY,
  SSL_CERT_FILE: TRUSTED, // OpenSSL, Go, Rust's native roots
  CURL_CA_BUNDLE: TRUSTED,
  REQUESTS_CA_BUNDLE: TRUSTED, // Python's requests
  PIP_CERT: TRUSTED,
  GIT_SSL_CAINFO: TRUSTED,
  AWS_CA_BUNDLE: TRUSTED,
  CARGO_HTTP_CAINFO: TRUSTED,
};
