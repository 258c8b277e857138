import type { Figures } from './figures.ts';

export function capacityPage(_: Partial<Figures>): string {
  return '';
}
