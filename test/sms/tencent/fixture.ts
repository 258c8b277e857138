/** What the suites on Tencent share: one message, and a provider that is set up for the fake. */
import type { LookupFunction } from 'node:net';
import type { Message } from '../../../src/sms/provider.ts';
import { createTencentProvider, type TencentOptions } from '../../../src/sms/tencent/provider.ts';

export const SECRETS = { secretId: 'AKIDfake0123456789', secretKey: 'secretFake9876543210' };
/** For calls that need no end. */
export const NEVER = new AbortController().signal;

export const MESSAGE: Message = {
  to: '+8618501234444',
  region: 'CN',
  text: '',
  code: '437061',
  minutes: 5,
  purpose: 'login',
  locale: 'zh-CN',
  variables: {},
  sendId: 'send-1',
  reportToken: 'AbCd_-0123',
  sender: {},
};

export const OPTIONS: TencentOptions = {
  ...SECRETS,
  sdkAppId: '1400006666',
  region: 'ap-guangzhou',
  endpoint: 'https://sms.tencentcloudapi.com',
  signName: '腾讯云',
  templateId: '1110',
  internationalTemplateId: '2220',
  templateParameters: ['code', 'minutes'],
  brand: 'Example',
  templates: [],
  failOverBlocked: false,
  feedback: true,
  poll: true,
  now: Date.now,
};

export function tencentTo(endpoint: string, options: Partial<TencentOptions> = {}) {
  return createTencentProvider({ ...OPTIONS, endpoint, ...options });
}

/** For the agent's options: any name leads to these addresses. */
export function leadingTo(...addresses: string[]): LookupFunction {
  return (_host, { all }, done) => {
    const found = addresses.map((address) => ({ address, family: 4 }));
    if (all) done(null, found);
    else done(null, addresses[0] ?? '', 4);
  };
}

/** Any name fails like this. */
export function leadingNowhere(code: string): LookupFunction {
  return (_host, _options, done) => done(Object.assign(new Error(`getaddrinfo ${code}`), { code }), []);
}
