/** Where values come from: variables, files that variables name, the YAML file; and names that nobody reads. */
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { loadConfig } from '../../src/config/load.ts';
import { SETTINGS } from '../../src/config/settings.ts';
import { described, type Env, load, mistakes, PRODUCTION, TENCENT, TWILIO, TWILIO_VERIFY, WEBHOOK } from './given.ts';

describe('a variable that is not a setting is a mistake, with the name that may be meant', () => {
  test.each<[name: string, expected: string]>([
    ['SMS_BRND', 'is not a setting: did you mean SMS_BRAND?'],
    ['COUNTERSIGN_CALERS', 'is not a setting: did you mean COUNTERSIGN_CALLERS?'],
    ['COUNTERSIGN_SECERT', 'is not a setting: did you mean COUNTERSIGN_SECRET?'],
    ['TWILIO_AUTHTOKEN', 'is not a setting: did you mean TWILIO_AUTH_TOKEN?'],
    ['TWILIO_AUTH_TOKEN_FLE', 'is not a setting: did you mean TWILIO_AUTH_TOKEN_FILE?'],
    ['SMS_BRAND_FILE', 'is not a setting'],
    ['REDIS_ULR', 'is not a setting: did you mean REDIS_URL?'],
    ['REDIS_HOST', 'is not a setting'],
    ['TWILIO_EDGE', 'is not a setting'],
    ['LOG_LEVL', 'is not a setting: did you mean LOG_LEVEL?'],
    ['GRPC_LISTENS', 'is not a setting: did you mean GRPC_LISTEN?'],
    ['DEFAULT_REGON', 'is not a setting: did you mean DEFAULT_REGION?'],
  ])('%s', (name, expected) => {
    expect(mistakes({ ...TWILIO, [name]: 'hunter2' })).toEqual([`${name}: ${expected}`]);
  });

  test.each([
    ...['PATH', 'HOME', 'HTTP_PROXY', 'HTTPS_PROXY', 'GRPC_TRACE', 'GRPC_VERBOSITY', 'NODE_OPTIONS', 'LOG_DIR', 'SMS'],
    // Of a Service called redis, countersign-callbacks or sms-gateway in the namespace.
    ...['REDIS_SERVICE_HOST', 'REDIS_SERVICE_PORT', 'REDIS_SERVICE_PORT_REDIS', 'REDIS_PORT', 'REDIS_PORT_6379_TCP'],
    ...['REDIS_PORT_6379_TCP_ADDR', 'COUNTERSIGN_CALLBACKS_SERVICE_HOST', 'COUNTERSIGN_PORT_50051_TCP_PROTO'],
    ...['SMS_GATEWAY_PORT', 'SMS_GATEWAY_SERVICE_PORT_HTTP'],
    // Of the clients in examples/, and of a vendor's SDK.
    ...['COUNTERSIGN_TOKEN', 'COUNTERSIGN_ADDRESS', 'TWILIO_CA_BUNDLE'],
  ])('%s is somebody else’s', (name) => {
    expect(mistakes({ ...TWILIO, [name]: 'tcp://10.0.0.1' })).toEqual([]);
  });

  test('an empty one counts as unset', () => expect(mistakes({ ...TWILIO, SMS_BRND: '' })).toEqual([]));

  test.each<[yaml: string, expected: string]>([
    ['twlio: {}', 'twlio: is not a setting: did you mean twilio?'],
    ['limits: { windwos: {} }', 'limits.windwos: is not a setting: did you mean windows?'],
    ['purposes: { login: { digit: 6 } }', 'purposes.login.digit: is not a setting: did you mean digits?'],
    ['routes: [{ country: [CN], providers: [twilio] }]', 'routes[0].country: is not a setting'],
    ['routes: [{ prefix: ["+1"], providers: [twilio] }]', 'routes[0].prefix: is not a setting: did you mean prefixes?'],
  ])('in the file: %s', (yaml, expected) => expect(mistakes(TWILIO, yaml)).toEqual([expected]));
});

describe('a secret may be in a file that <variable>_FILE names', () => {
  const SECRET = 'a root secret that only tests use';
  const SECRETS = SETTINGS.filter(({ fromFile }) => fromFile);
  const KEY_SID = `SK${'1'.repeat(32)}`;
  /** With every vendor, so that no secret lacks what belongs to it. */
  const SETTINGS_OF_ALL: Env = {
    ...{ ...TWILIO, TWILIO_API_KEY_SID: KEY_SID, TWILIO_API_KEY_SECRET: 's' },
    ...{ ...TWILIO_VERIFY, TWILIO_VERIFY_API_KEY_SID: KEY_SID, TWILIO_VERIFY_API_KEY_SECRET: 's' },
    ...{ ...TENCENT, TENCENT_CALLBACK_TOKEN: 'c'.repeat(32), CALLBACK_PUBLIC_URL: 'https://sms.example' },
    ...{ ...WEBHOOK, COUNTERSIGN_SECRET: SECRET, COUNTERSIGN_SECRET_PREVIOUS: 'the secret before it, of 32 bytes' },
    ...{ REDIS_URL: 'redis://:pw@r', REDIS_PASSWORD: 'pw' },
  };
  const ENOENT = Object.assign(new Error('/run/secrets/x'), { code: 'ENOENT' });

  /** Mistakes with this content of every file, or when reading fails. */
  function found(env: Env, content: string | Error): string {
    const read = () => {
      if (content instanceof Error) throw content;
      return content;
    };
    try {
      loadConfig(env, read);
      return '';
    } catch (error) {
      return (error as Error).message;
    }
  }

  test('every secret, and the URL of Redis', () => {
    expect(SECRETS.map(({ env }) => env)).toEqual(expect.arrayContaining(['COUNTERSIGN_SECRET', 'REDIS_URL']));
    expect(SECRETS.length).toBe(SETTINGS.filter(({ secret }) => secret).length + 1);
  });

  test.each(SECRETS.map(({ env, path }) => [env, path] as const))('%s', (env, path) => {
    const { [env]: value = '', ...others } = SETTINGS_OF_ALL;
    for (const content of [value, `${value}\n`, `${value}\r\n`]) {
      const config: unknown = loadConfig({ ...others, [`${env}_FILE`]: '/run/secrets/it' }, () => content);
      expect(path.reduce((node: unknown, key) => (node as Record<string, unknown>)[key], config)).toBe(value);
    }
    const both = found({ ...others, [env]: value, [`${env}_FILE`]: '/run/secrets/it' }, value);
    expect(both).toContain(`${env}_FILE: is set beside ${env}: only one of them can count`);
    expect(found({ [`${env}_FILE`]: '/run/secrets/it' }, ENOENT)).toContain(`${env}_FILE: cannot be read (ENOENT)`);
    expect(found({ [`${env}_FILE`]: '/run/secrets/it' }, '\n')).toContain(`${env}_FILE: names an empty file`);
  });

  test('and what is wrong with it is said of the file’s variable, without its content', () => {
    const text = found({ COUNTERSIGN_SECRET_FILE: '/run/secrets/it' }, 'hunter2\n');
    expect(text).toContain('COUNTERSIGN_SECRET_FILE: must have at least 32 bytes (try');
    expect(text).not.toContain('hunter2');
  });

  test('production starts with secrets from files only', () => {
    const files = { '/s': PRODUCTION.COUNTERSIGN_SECRET, '/r': PRODUCTION.REDIS_URL, '/t': TWILIO.TWILIO_AUTH_TOKEN };
    const { COUNTERSIGN_SECRET: _, REDIS_URL: __, ...rest } = PRODUCTION;
    const { TWILIO_AUTH_TOKEN: ___, ...account } = TWILIO;
    const named = { COUNTERSIGN_SECRET_FILE: '/s', REDIS_URL_FILE: '/r', TWILIO_AUTH_TOKEN_FILE: '/t' };
    const config = loadConfig({ ...rest, ...account, ...named }, (path) => files[path as keyof typeof files]);
    expect(config).toMatchObject({ redis: { url: 'redis://redis' }, twilio: { authToken: 'tok' } });
  });
});

describe('a password in the file is refused like every other secret', () => {
  test.each(['redis://user:password@redis', 'rediss://:password@a,rediss://b', 'redis://a,redis://u:p@b'])(
    '%s',
    (url) => {
      const problem = 'has a password, which belongs in the environment: set REDIS_URL or REDIS_URL_FILE instead';
      for (const env of [TWILIO, { ...TWILIO, NODE_ENV: 'production' }]) {
        const all = mistakes(env, `redis: { url: "${url}" }`);
        expect(all).toContain(`redis.url: ${problem}`);
        expect(all.join()).not.toContain('password@');
      }
    },
  );

  test('a URL without one may be there, and a variable may have one', () => {
    expect(mistakes(TWILIO, 'redis: { url: "redis://user@redis" }')).toEqual([]);
    expect(mistakes({ ...TWILIO, REDIS_URL: 'redis://user:password@redis' })).toEqual([]);
  });

  test('no other URL may have credentials', () => {
    for (const url of ['https://user@sms.example', 'https://:password@sms.example', 'https://u:p@sms.example']) {
      expect(mistakes(TWILIO, `callbacks: { publicUrl: "${url}" }`)).toEqual([
        'callbacks.publicUrl: must be an https:// URL (http:// to this machine only)',
      ]);
    }
  });
});

test('the token that compose.yaml shows is refused in production', () => {
  const callers = '{dev: {tokens: [c17699cf1c46923dab8476f77a9ae57fce7fbd79a4874e39cbc0d81258c09c49]}}';
  expect(mistakes({ ...TWILIO, COUNTERSIGN_CALLERS: callers })).toEqual([]);
  expect(mistakes({ ...PRODUCTION, ...TWILIO, COUNTERSIGN_CALLERS: callers })).toEqual([
    'COUNTERSIGN_CALLERS.dev.tokens[0]: is the token of compose.yaml, which everybody knows',
  ]);
});

test('the hash of a token that was empty is refused', () => {
  const callers = '{auth: {tokens: [e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855]}}';
  expect(mistakes({ ...TWILIO, COUNTERSIGN_CALLERS: callers })).toEqual([
    'COUNTERSIGN_CALLERS.auth.tokens[0]: is the SHA-256 of nothing: the token was empty',
  ]);
});

test('a limit that a longer window reaches first is warned of', () => {
  const { warnings } = load(TWILIO, 'limits: { windows: { phone_hour: { limit: 20, seconds: 3600 } } }');
  expect(warnings).toEqual([
    'limits.windows.phone_hour.limit: 20 are never reached: phone_day allows 10 in a longer time',
  ]);
  expect(load({ ...TWILIO, SMS_RATE_LIMIT_PER_PHONE: '11' }).warnings).toEqual([
    'SMS_RATE_LIMIT_PER_PHONE: 11 are never reached: phone_day allows 10 in a longer time',
  ]);
  expect(load({ ...TWILIO, SMS_RATE_LIMIT_PER_PHONE: '10' }).warnings).toEqual([]);
});

describe('a sender or an account that no vendor takes is a mistake', () => {
  const SENDER = 'must be a number that begins with +, a short code or a sender id with letters';
  test.each<[name: string, value: string, expected: string | null]>([
    ['TWILIO_PHONE_NUMBER', '15005550006', SENDER],
    ['TWILIO_PHONE_NUMBER', '+1 500 555 0006', SENDER],
    ['TWILIO_PHONE_NUMBER', '+15005550006', null],
    ['TWILIO_PHONE_NUMBER', '72323', null],
    ['TWILIO_PHONE_NUMBER', 'Acme 24', null],
    ['TWILIO_ACCOUNT_SID', 'AC123', 'must be AC and 32 hexadecimal digits'],
    ['TWILIO_ACCOUNT_SID', `AC${'g'.repeat(32)}`, 'must be AC and 32 hexadecimal digits'],
    ['TWILIO_MESSAGING_SERVICE_SID', 'MG123', 'must be MG and 32 hexadecimal digits'],
  ])('%s=%s', (name, value, expected) => {
    expect(mistakes({ ...TWILIO, [name]: value })).toEqual(expected === null ? [] : [`${name}: ${expected}`]);
  });
});

test('and a sender of a route', () => {
  const routes = '[{countries: [DE], providers: [{provider: twilio, from: "15005550006"}]}, {providers: [twilio]}]';
  expect(mistakes({ ...TWILIO, SMS_ROUTES: routes })).toEqual([
    'SMS_ROUTES[0].providers[0].from: must be a number that begins with +, a short code or a sender id with letters',
  ]);
});

describe('what `config` prints', () => {
  const env = {
    LOG_LEVEL: 'warn',
    COUNTERSIGN_SECRET_FILE: '/run/secrets/root',
    COUNTERSIGN_CALLERS: `{auth: {tokens: [${'a'.repeat(64)}], purposes: [login]}}`,
  };
  const yaml = 'codes: { digits: 5 }\nlimits: { windows: { phone_week: { limit: 20, seconds: 604800 } } }';
  const text = described(env, yaml, { '/run/secrets/root': 'a root secret that only tests use' });

  test.each([
    ['a variable', /^ {2}level: warn # LOG_LEVEL$/m],
    ['a file that a variable names', /^ {2}current: \(masked\) # COUNTERSIGN_SECRET_FILE$/m],
    ['a variable with YAML in it', /^ {4}tokens:\n {6}# COUNTERSIGN_CALLERS\n {6}- aaaaaaaa…$/m],
    ['the YAML file', /^ {2}digits: 5 # given\.yaml:codes\.digits$/m],
    ['the YAML file, beside defaults', /^ {6}limit: 20 # given\.yaml:limits\.windows\.phone_week\.limit$/m],
    ['nobody', /^ {2}keyPrefix: cs # default$/m],
  ])('names the origin of a value: %s', (_, line) => expect(text).toMatch(line));

  test('has the routes in effect, also when nobody wrote any', () => {
    const routes = (settings: Env) => parse(described({ SMS_MOCK_MODE: 'off', ...settings })).routes;
    expect(routes({ ...TWILIO, ...TENCENT, ...WEBHOOK })).toEqual([
      { countries: ['CN'], providers: ['tencent', 'twilio', 'webhook'] },
      { providers: ['twilio', 'webhook'] },
    ]);
    const own = '[{countries: [DE], providers: [webhook]}]';
    expect(routes({ ...WEBHOOK, SMS_ROUTES: own })).toEqual([
      { countries: ['DE'], prefixes: [], providers: ['webhook'] },
    ]);
    expect(described(TWILIO)).toContain('# default; not used while SMS_MOCK_MODE is on: messages are printed');
  });
});
