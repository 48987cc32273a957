import type { CompartmentFacts } from './facts.ts';
import type { Order } from './orders.ts';
import { sandboxOrders } from './sandbox.ts';
import { userOrders } from './user.ts';

/** What the launcher is told to put a compartment up. */
export function createOrders(facts: CompartmentFacts): Order[] {
  return facts.network.in === 'host' ? userOrders(facts, facts.network) : sandboxOrders(facts);
}
