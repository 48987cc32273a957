/** What one agent may take of the gateway, so that none starves the others. Times in milliseconds. */
export const LIMITS = {
  /** Connections of an agent at once, decided or not. */
  connections: 512,
  /** New connections a second, evenly; a burst of as many is borne at once, what comes faster waits for its turn. */
  connectionsPerSecond: 500,
  /** Names that have a synthetic address; a wildcard rule would otherwise be a way to fill memory. */
  names: 4096,
  /** Verdicts that are remembered until the rules change. */
  verdicts: 1024,
  /** DNS questions a second (the namespace's own rules hold floods back before that). */
  questions: 1000,
  /** Requests for the time a second... */
  timeRequests: 20,
  /** ...of so many servers at once, each asked once in so long, with so long to answer. */
  timeServers: 8,
  timeKeptMs: 16_000,
  timeMs: 2_000,
  /** Refusals written one by one, per second; the rest is written as counts. */
  refusals: 50,
  /** Refusals kept for `/denials`. */
  denials: 100,
  /** The whole first flight (ClientHello, request head, SOCKS request) must be there by then... */
  headMs: 10_000,
  /** ...and in at most so many pieces, since each is looked at again with every piece. */
  headPieces: 200,
  /** A client that says nothing for so long waits for the server to speak first. */
  silenceMs: 300,
  /** Connections held at once until a person answers, and for how long at most. */
  held: 64,
  heldMs: 20_000,
  /** The warden's answer to a question. */
  askMs: 8_000,
  /** Resolving and connecting, each. */
  dialMs: 10_000,
  /** How often it is counted what has passed. */
  measureMs: 1_000,
  /** No byte either way. */
  idleMs: 7_200_000,
  idleHttpMs: 600_000,
  /** How long a refused or answered connection may take to close by itself. */
  lingerMs: 2_000,
} as const;
