/** Settings that name a vendor; none of them is called. */
const OFF = { SMS_MOCK_MODE: 'off' };

export const TWILIO = {
  ...OFF,
  TWILIO_ACCOUNT_SID: `AC${'5'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'a token of no account',
  TWILIO_PHONE_NUMBER: '+15557122661',
};
export const TWILIO_VERIFY = {
  ...OFF,
  TWILIO_VERIFY_ACCOUNT_SID: `AC${'6'.repeat(32)}`,
  TWILIO_VERIFY_AUTH_TOKEN: 'a token of no account',
  TWILIO_VERIFY_SERVICE_SID: `VA${'3'.repeat(32)}`,
};
export const TENCENT = {
  ...OFF,
  TENCENT_SECRET_ID: 'AKID-of-no-account',
  TENCENT_SECRET_KEY: 'a key of no account',
  TENCENT_SMS_SDK_APP_ID: '1400006666',
  TENCENT_SMS_SIGN_NAME: 'Example',
  TENCENT_SMS_TEMPLATE_ID: '1110',
};
export const WEBHOOK = {
  ...OFF,
  SMS_WEBHOOK_URL: 'http://127.0.0.1:1/sms',
  SMS_WEBHOOK_SECRET: 'a secret of this test, 24 bytes or more',
};
