/** What only the suites of Twilio Verify share; account, message and the search for leaks are those of the Twilio provider. */
import { createTwilioVerifyProvider, type TwilioVerifyOptions } from '../../../src/sms/twilio-verify/provider.ts';
import { ACCOUNT } from '../twilio/fixture.ts';

export const SERVICE_SID = `VA${'3'.repeat(32)}`;
export const TEMPLATE_SID = `HJ${'d'.repeat(32)}`;
/** Of the fake's first SMS. */
export const FIRST_ID = `VL${'1'.padStart(32, '0')}.VE${'1'.padStart(32, '0')}`;

export function providerOf(baseUrl: string, options: Partial<TwilioVerifyOptions> = {}) {
  return createTwilioVerifyProvider({
    ...ACCOUNT,
    serviceSid: SERVICE_SID,
    baseUrl,
    maxSockets: 20,
    pollSeconds: 30,
    failOverBlocked: false,
    now: Date.now,
    ...options,
  });
}
