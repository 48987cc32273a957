import assert from 'node:assert/strict';
import { readFileSync, writeFileSync } from 'node:fs';
import { type Order, orderLine } from '../../src/tiers/orders.ts';

/** As the launcher gets it, but with text where there was hexadecimal. */
export function shown(orders: readonly Order[]): string {
  const line = (order: Order): string =>
    orderLine(order)
      .replace(
        /\t((?:[0-9a-f]{2})+)\n$/,
        (_, hex: string) => `\t${JSON.stringify(Buffer.from(hex, 'hex').toString())}\n`,
      )
      .replaceAll('\t', ' ');
  return orders
    .map((order) =>
      ['arg', 'env', 'file', 'cwd'].includes(order.do) ? line(order) : orderLine(order).replaceAll('\t', ' '),
    )
    .join('');
}

/** BULKHEAD_GOLDEN=write renews it; the difference is to be read like code. */
export function isGolden(name: string, text: string): void {
  const path = new URL(`../golden/${name}.txt`, import.meta.url);
  if (process.env.BULKHEAD_GOLDEN === 'write') writeFileSync(path, text);
  assert.equal(text, readFileSync(path, 'utf8'));
}
