import { CAPS } from '../../../model/budget.ts';
import type { AgentName } from '../../../model/names.ts';
import type { UsageEntry } from '../../../model/usage.ts';
import { type DayUsage, unknownPrices, used } from '../../../policy/meter/day.ts';
import type { Meter } from './meter.ts';

export type { UsageEntry };

/** Today first, then back. */
export function usageOf(agent: AgentName, meter: Meter, days: number): UsageEntry[] {
  const { today } = meter;
  const before = meter.days().filter(({ day }) => day < today.day);
  const wanted = [today, ...before.reverse()].slice(0, Math.max(1, days));
  return wanted.map((day) => entry(agent, meter, day, day === today));
}

function entry(agent: AgentName, meter: Meter, day: DayUsage, today: boolean): UsageEntry {
  const now = used(day, meter.prices);
  const caps = CAPS.flatMap((cap) => {
    const limit = today ? meter.limit(cap) : undefined;
    return limit === undefined ? [] : [{ cap, used: now[cap], limit, more: limit - (meter.budget[cap] ?? 0) }];
  });
  const { requests, up, down, runs, tokens, answers, unsaid, refused } = day;
  return {
    agent,
    day: day.day,
    ...{ requests, up, down, runs, tokens, answers },
    unsaid: { answers: unsaid.answers, atMost: unsaid.input + unsaid.output },
    money: now.money / 1_000_000,
    unpriced: unknownPrices(day, meter.prices),
    refused,
    caps,
    ...(today && { loops: meter.loops }),
  };
}
