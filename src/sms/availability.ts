/** Whether dispatch would call a provider for a phone now, told without sending anything. */
import { type Availability, type DispatchOptions, NO_SUCH_PROVIDER } from './dispatch.ts';
import type { Guarded } from './guard.ts';
import { NO_ROUTE, statusOf } from './outcome.ts';
import type { Failure } from './provider.ts';

export interface AvailabilityOptions extends Pick<DispatchOptions, 'route'> {
  readonly providers: ReadonlyMap<string, Pick<Guarded, 'waitMs'>>;
}

export function createAvailability({ providers, route }: AvailabilityOptions): Availability {
  return ({ e164, region }) => {
    const hops = route({ e164, region });
    if (hops.length === 0) return NO_ROUTE;
    const failures: Failure[] = [];
    for (const { provider } of hops) {
      const retryAfterMs = providers.get(provider)?.waitMs(region);
      if (retryAfterMs === 0) return null;
      failures.push(
        retryAfterMs === undefined
          ? NO_SUCH_PROVIDER
          : { kind: 'unavailable', category: 'transient', vendorCode: 'breaker_open', retryAfterMs },
      );
    }
    return statusOf(failures);
  };
}
