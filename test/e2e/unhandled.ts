/**
 * Loaded before the service by `node --import`: at SIGUSR2 the process has rejections that nobody handles, of the vendors' SDKs
 * among them, and at SIGWINCH an exception. All of them hold what `UNHANDLED` says.
 */
import { createRequire } from 'node:module';
import { Client } from 'tencentcloud-sdk-nodejs-sms/tencentcloud/services/sms/v20210111/sms_client.js';

const { UNHANDLED = '' } = process.env;
const twilios = createRequire(createRequire(import.meta.url).resolve('twilio/package.json'));
/** The client library in Twilio's SDK. */
const axios: { post(url: string, body: string, config: object): Promise<unknown> } = twilios('axios');

/** Nobody listens there. */
const NOWHERE = '127.0.0.1:1';

process.on('SIGUSR2', () => {
  void axios.post(`http://${NOWHERE}/${UNHANDLED}`, UNHANDLED, { headers: { authorization: UNHANDLED } });
  const credential = { secretId: UNHANDLED, secretKey: UNHANDLED };
  const profile = { httpProfile: { protocol: 'http://', endpoint: NOWHERE } };
  const client = new Client({ credential, region: 'ap-guangzhou', profile });
  void client.request('SendSms', { PhoneNumberSet: [UNHANDLED], SmsSdkAppId: UNHANDLED, TemplateId: UNHANDLED });
  const quoting = new Error(UNHANDLED, { cause: new AggregateError([new Error(UNHANDLED)], UNHANDLED) });
  const reasons = [quoting, UNHANDLED, { code: UNHANDLED, message: UNHANDLED }, [UNHANDLED], null];
  for (const reason of reasons) void Promise.reject(reason);
});

process.on('SIGWINCH', () => {
  throw Object.assign(new Error(UNHANDLED), { code: UNHANDLED, name: UNHANDLED, stack: `${UNHANDLED}\n${UNHANDLED}` });
});
