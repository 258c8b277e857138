/** Where Tencent's API may be: what settings accept, and what becomes of the signature there, over a real socket. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { mistakes, TENCENT } from '../../config/given.ts';
import { startTencentFake, type TencentFake } from '../../support/tencent-fake.ts';
import { MESSAGE, NEVER, SECRETS, tencentTo } from './fixture.ts';

let fake: TencentFake;

beforeEach(async () => {
  fake = await startTencentFake(SECRETS);
});
afterEach(() => fake.server.stop());

/** One message to this endpoint, whose name leads to the fake. Without TLS, as the fake has none. */
async function sentTo(endpoint: string) {
  const agent = { host: '127.0.0.1', port: fake.server.port };
  const provider = tencentTo(endpoint.replace('https:', 'http:'), { agent });
  const result = await provider.send(MESSAGE, NEVER);
  provider.close?.();
  return result;
}

const configured = (endpoint: string) => mistakes({ ...TENCENT, TENCENT_SMS_ENDPOINT: endpoint }, '');

describe('requests are signed for the host that Tencent sees, and for its service', () => {
  test.each([
    'https://sms.tencentcloudapi.com',
    'https://sms.tencentcloudapi.com/',
    'https://sms.tencentcloudapi.com:443',
    'https://sms.intl.tencentcloudapi.com',
    'https://sms.ap-singapore.tencentcloudapi.com',
    'https://sms.ap-shanghai-fsi.tencentcloudapi.com',
    'https://sms.internal.tencentcloudapi.com',
  ])('%s', async (endpoint) => {
    expect(configured(endpoint)).toEqual([]);
    expect(await sentTo(endpoint.replace(':443', ''))).toMatchObject({ kind: 'accepted' });
    expect(fake.server.requests[0]?.headers.host).toBe(new URL(endpoint).hostname);
    expect(fake.server.requests[0]?.headers.authorization).toMatch(/\/sms\/tc3_request,/);
  });
});

const RULE =
  'TENCENT_SMS_ENDPOINT: must be https://sms.tencentcloudapi.com, or https://sms.<region>.tencentcloudapi.com, ' +
  'without a port or path: Tencent takes no request that was signed for another host';

describe('where Tencent would refuse every signature, the service does not start', () => {
  test.each([
    'https://sms.tencentcloudapi.com:8443',
    'https://tencent-proxy.example',
    'https://tencentcloudapi.com',
    'https://sms-tencentcloudapi.com',
    'https://proxy.example:8443',
  ])('%s', async (endpoint) => {
    expect(configured(endpoint)).toEqual([RULE]);
    expect(await sentTo(endpoint)).toMatchObject({ category: 'credentials' });
    expect(fake.accepted).toBe(0);
  });

  test.each([
    'http://sms.tencentcloudapi.com',
    'https://sms.tencentcloudapi.com/v1',
    'https://sms.tencentcloudapi.com.example',
    'https://xsms.tencentcloudapi.com',
    'sms.tencentcloudapi.com',
  ])('nor with %s', (endpoint) => {
    expect(configured(endpoint)).toEqual([RULE]);
  });

  test.each(['http://127.0.0.1:8080', 'http://localhost:8080', 'https://[::1]:8080'])(
    'a fake may be at %s',
    (endpoint) => {
      expect(configured(endpoint)).toEqual([]);
    },
  );
});
