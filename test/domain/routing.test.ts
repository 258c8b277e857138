import { describe, expect, it } from 'vitest';
import { parsePhone } from '../../src/domain/phone.ts';
import { createRouting, type Route } from '../../src/domain/routing.ts';

const route = (name: string, { countries = [], prefixes = [] }: Partial<Route> = {}): Route => ({
  countries,
  prefixes,
  hops: [{ provider: name, sender: {} }],
});

function providersFor(routes: readonly Route[], e164: string): string[] {
  const phone = parsePhone(e164, '', { defaultRegion: 'US', refusedTypes: new Set() });
  if (typeof phone === 'string') throw new Error(phone);
  return createRouting(routes)(phone).map(({ provider }) => provider);
}

describe('a route', () => {
  const ROUTES = [
    route('default'),
    route('north-america', { countries: ['US'] }),
    route('canada', { countries: ['CA'] }),
    route('jamaica', { countries: ['JM'] }),
    route('kazakhstan', { countries: ['KZ'] }),
    route('guernsey', { countries: ['GG'] }),
    route('mainland', { countries: ['CN'], prefixes: ['+852'] }),
    route('mainland-mobile', { prefixes: ['+86138', '+8613'] }),
    route('mainland-one', { prefixes: ['+861381'] }),
  ];
  const cases: [string, string, string][] = [
    ['is that of the country', '+14155550123', 'north-america'],
    ['tells the countries of +1 apart', '+14165550123', 'canada'],
    ['tells an island of +1 apart', '+18765550123', 'jamaica'],
    ['tells the countries of +7 apart', '+77010123456', 'kazakhstan'],
    ['falls to the default for the rest of +7', '+79161234567', 'default'],
    ['tells the countries of +44 apart', '+447781123456', 'guernsey'],
    ['falls to the default for the rest of +44', '+447400123456', 'default'],
    ['is that of a prefix before the country', '+8613012345678', 'mainland-mobile'],
    ['is that of the longest prefix', '+8613812345678', 'mainland-one'],
    ['is that of a shorter prefix where the longest does not fit', '+8613822345678', 'mainland-mobile'],
    ['with prefixes and countries serves both: the country', '+8615912345678', 'mainland'],
    ['with prefixes and countries serves both: the prefix', '+85251234567', 'mainland'],
    ['without countries and prefixes takes all others', '+33612345678', 'default'],
  ];
  it.each(cases)('%s', (_, e164, expected) => {
    expect(providersFor(ROUTES, e164)).toEqual([expected]);
  });

  it.each(['+870773111632', '+881612345678', '+882161234567', '+883510012345', '+878101234567890', '+979123456789'])(
    'does not lead to the worldwide network of %s unless a prefix names it',
    (e164) => {
      expect(providersFor(ROUTES, e164)).toEqual([]);
      expect(providersFor([route('short', { prefixes: ['+8', '+97', '+9'] }), ...ROUTES], e164)).toEqual([]);
      expect(providersFor([route('named', { prefixes: [e164.slice(0, 4)] }), ...ROUTES], e164)).toEqual(['named']);
      expect(providersFor([route('longer', { prefixes: [e164.slice(0, 7)] })], e164)).toEqual(['longer']);
    },
  );

  it('is the first of those that claim the same', () => {
    const twice = [
      route('a', { countries: ['US'] }),
      route('b', { countries: ['US'], prefixes: ['+33'] }),
      route('c', { prefixes: ['+33'] }),
      route('d'),
      route('e'),
    ];
    expect(providersFor(twice, '+14155550123')).toEqual(['a']);
    expect(providersFor(twice, '+33612345678')).toEqual(['b']);
    expect(providersFor(twice, '+819012345678')).toEqual(['d']);
  });

  it('is none where nothing fits', () => {
    expect(providersFor([route('a', { countries: ['US'] })], '+33612345678')).toEqual([]);
    expect(providersFor([], '+33612345678')).toEqual([]);
  });

  it('gives its hops in order, with the sender of each', () => {
    const hops = [
      { provider: 'twilio', sender: { from: 'Acme' } },
      { provider: 'tencent', sender: { senderId: 'acme' } },
    ];
    expect(createRouting([{ countries: [], prefixes: [], hops }])({ e164: '+33612345678', region: 'FR' })).toEqual(
      hops,
    );
  });
});
