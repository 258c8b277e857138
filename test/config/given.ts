/** Settings as an operator would have them, and what is wrong with them. */
import { describeConfig } from '../../src/config/describe.ts';
import { ConfigError, loadConfig, loadExplained } from '../../src/config/load.ts';

export type Env = Readonly<Record<string, string>>;

export const TWILIO = {
  TWILIO_ACCOUNT_SID: `AC${'1'.repeat(32)}`,
  TWILIO_AUTH_TOKEN: 'tok',
  TWILIO_PHONE_NUMBER: '+15005550006',
};
export const TWILIO_VERIFY = {
  TWILIO_VERIFY_ACCOUNT_SID: `AC${'2'.repeat(32)}`,
  TWILIO_VERIFY_AUTH_TOKEN: 'tok',
  TWILIO_VERIFY_SERVICE_SID: `VA${'0'.repeat(32)}`,
};
/** Without a template and a signature. */
export const BARE_TENCENT = { TENCENT_SECRET_ID: 'id', TENCENT_SECRET_KEY: 'key', TENCENT_SMS_SDK_APP_ID: '1400' };
export const TENCENT = { ...BARE_TENCENT, TENCENT_SMS_SIGN_NAME: 'sign', TENCENT_SMS_TEMPLATE_ID: '7' };
export const WEBHOOK = { SMS_WEBHOOK_URL: 'https://gateway.example/sms', SMS_WEBHOOK_SECRET: 'w'.repeat(32) };
/** Beside a vendor. */
export const PRODUCTION = {
  NODE_ENV: 'production',
  SMS_BRAND: 'Acme',
  SMS_MOCK_MODE: '',
  REDIS_URL: 'redis://redis',
  COUNTERSIGN_SECRET: 'root-secret-'.repeat(4),
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${'a'.repeat(64)}]}}`,
};

export function without(env: Env, ...keys: string[]): Env {
  return Object.fromEntries(Object.entries(env).filter(([key]) => !keys.includes(key)));
}

/** 21 November 2026: before test numbers in tests end. */
const NOW = Date.parse('2026-11-21');

export function load(env: Env, yaml = '', now = NOW) {
  const given = { SMS_MOCK_MODE: 'off', COUNTERSIGN_CONFIG: 'given.yaml', ...env };
  return loadConfig(given, () => yaml, { now });
}

/** What `config` prints. `files` are what `<variable>_FILE` may name. */
export function described(env: Env, yaml = '', files: Readonly<Record<string, string>> = {}): string {
  const { config, sources } = loadExplained(
    { COUNTERSIGN_CONFIG: 'given.yaml', ...env },
    (path) => files[path] ?? yaml,
  );
  return describeConfig(config, sources);
}

/** Every mistake as `place: problem`. */
export function mistakes(env: Env, yaml = ''): string[] {
  try {
    load(env, yaml);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ at, problem }) => `${at}: ${problem}`);
  }
}
