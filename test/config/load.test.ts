import { describe, expect, test } from 'vitest';
import { ConfigError, loadConfig } from '../../src/config/load.ts';
import { callerConfigs, limitPolicy, phonePolicy, purposePolicies } from '../../src/config/policies.ts';
import { createKeyring } from '../../src/domain/keyring.ts';
import { described } from './given.ts';

type Env = Record<string, string>;

const SECRET = 'YWJjZGVmZ2hpamtsbW5vcHFyc3R1dnd4eXowMTIzNDU=';
const OTHER_SECRET = 'another-root-secret-of-enough-bytes';
const HASH = 'a'.repeat(64);
const PRODUCTION = {
  NODE_ENV: 'production',
  SMS_BRAND: 'Acme',
  REDIS_URL: 'rediss://redis:6379/2',
  COUNTERSIGN_SECRET: SECRET,
  COUNTERSIGN_CALLERS: `{auth: {tokens: [${HASH}]}}`,
};
const ACCOUNT = `AC${'0'.repeat(32)}`;
const TWILIO = { TWILIO_ACCOUNT_SID: ACCOUNT, TWILIO_AUTH_TOKEN: 'tok-en', TWILIO_PHONE_NUMBER: '+15005550006' };

function load(env: Env, yaml?: string, options?: { ownProviders: boolean }) {
  const file: Env = yaml === undefined ? {} : { COUNTERSIGN_CONFIG: 'countersign.yaml' };
  return loadConfig({ ...file, ...env }, () => yaml ?? '', options);
}

/** Every mistake as `place: problem`. */
function mistakes(env: Env, yaml?: string, options?: { ownProviders: boolean }): string[] {
  try {
    load(env, yaml, options);
    return [];
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.mistakes.map(({ at, problem }) => `${at}: ${problem}`);
  }
}

describe('without any configuration', () => {
  const config = load({});

  test('everything listens on loopback only', () => {
    expect(config.listen).toEqual({
      grpc: '127.0.0.1:50051',
      http: '127.0.0.1:8080',
      ops: '127.0.0.1:9090',
      callbacks: '127.0.0.1:8090',
    });
  });

  test('there are three purposes with six digits, five minutes and five guesses', () => {
    const message = {
      webOtpDomain: '',
      androidAppHash: '',
      texts: new Map(),
      requiredVariables: [],
      variableCharacters: 32,
    };
    const policy = {
      digits: 6,
      lifeMs: 300_000,
      guesses: 5,
      guessesByPhone: 3,
      resend: 'same',
      variablesRequired: false,
      message,
    };
    expect([...purposePolicies(config).values()]).toEqual([
      { name: 'register', ...policy },
      { name: 'login', ...policy },
      { name: 'reset_password', ...policy },
    ]);
  });

  test('a phone gets five SMS an hour and ten a day, a minute apart', () => {
    expect(limitPolicy(config)).toEqual({
      cooldownMs: 60_000,
      windows: [
        { name: 'phone_hour', limit: 5, windowMs: 3_600_000 },
        { name: 'phone_day', limit: 10, windowMs: 86_400_000 },
      ],
    });
  });

  test('messages are printed, state is in memory and nobody needs a token', () => {
    expect(config).toMatchObject({ mode: 'development', sms: { mockMode: true }, callers: {}, warnings: [] });
    expect(config.redis).toEqual({ cluster: false, keyPrefix: 'cs', commandTimeoutMs: 400 });
  });

  test('it is frozen all the way down', () => {
    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.limits.windows.phone_hour)).toBe(true);
  });
});

describe('the environment', () => {
  const cases: [name: string, value: string, path: string, expected: unknown][] = [
    ['GRPC_LISTEN', '127.0.0.2:1', 'listen.grpc', '127.0.0.2:1'],
    ['HTTP_LISTEN', '[::1]:80', 'listen.http', '[::1]:80'],
    ['OPS_LISTEN', '0.0.0.0:0', 'listen.ops', '0.0.0.0:0'],
    ['REFLECTION', 'off', 'reflection', false],
    ['COUNTERSIGN_SECRET', SECRET, 'secret.current', SECRET],
    ['REDIS_URL', 'redis://u:p@h:1/3', 'redis.url', 'redis://u:p@h:1/3'],
    ['REDIS_KEY_PREFIX', 'prod:cs', 'redis.keyPrefix', 'prod:cs'],
    ['REDIS_COMMAND_TIMEOUT_MS', '250', 'redis.commandTimeoutMs', 250],
    ['COUNTERSIGN_CALLERS', `{"auth": {"tokens": ["${HASH}"]}}`, 'callers.auth.tokens', [HASH]],
    ['SMS_CODE_DIGITS', '8', 'purposes.login.digits', 8],
    ['SMS_CODE_EXPIRY_MINUTES', '10', 'purposes.login.expirySeconds', 600],
    ['SMS_RESEND_INTERVAL_SECONDS', '30', 'limits.resendIntervalSeconds', 30],
    ['SMS_RATE_LIMIT_PER_PHONE', '3', 'limits.windows.phone_hour', { limit: 3, seconds: 3600 }],
    ['SMS_RATE_LIMIT_WINDOW', '600', 'limits.windows.phone_hour', { limit: 5, seconds: 600 }],
    ['DEFAULT_REGION', 'CN', 'phones.defaultRegion', 'CN'],
    ['SMS_REFUSE_LANDLINE', 'true', 'phones.refuseLandline', true],
    ['SMS_REFUSE_VOIP', '1', 'phones.refuseVoip', true],
    ['SMS_BRAND', '1234', 'sms.brand', '1234'],
    ['SMS_MOCK_MODE', 'TRUE', 'sms.mockMode', true],
    ['LOG_LEVEL', 'debug', 'log.level', 'debug'],
    ['LOG_FORMAT', 'json', 'log.format', 'json'],
  ];

  test.each(cases)('%s=%s sets %s', (name, value, path, expected) => {
    expect(load({ [name]: value })).toHaveProperty(path.split('.'), expected);
  });

  test('has names for a Redis that needs more than a URL', () => {
    const env = { REDIS_URL: 'redis://a,redis://b', REDIS_CLUSTER: 'on', REDIS_USERNAME: 'svc', REDIS_PASSWORD: '007' };
    expect(load(env).redis).toMatchObject({ cluster: true, username: 'svc', password: '007' });
  });

  test('sets up Twilio and Tencent by the names they always had', () => {
    const tencent = {
      TENCENT_SECRET_ID: 'i',
      TENCENT_SECRET_KEY: 'k',
      TENCENT_SMS_SDK_APP_ID: '1400',
      TENCENT_SMS_SIGN_NAME: 'n',
      TENCENT_SMS_TEMPLATE_ID: '7',
    };
    const config = load({ ...TWILIO, ...tencent, SMS_MOCK_MODE: 'off' });
    expect(config.twilio).toMatchObject({ accountSid: ACCOUNT, authToken: 'tok-en', phoneNumber: '+15005550006' });
    expect(config.tencent).toMatchObject({
      secretId: 'i',
      secretKey: 'k',
      sdkAppId: '1400',
      signName: 'n',
      templateId: '7',
      templateParameters: ['code', 'minutes'],
      endpoint: 'https://sms.tencentcloudapi.com',
      region: 'ap-guangzhou',
    });
    expect(config.warnings).toEqual([]);
  });

  test('wins over the file', () => {
    const config = load({ SMS_CODE_DIGITS: '8' }, 'codes: { digits: 4, expiryMinutes: 2 }');
    expect(config.codes).toEqual({ digits: 8, expiryMinutes: 2 });
  });

  test('counts as unset where it is empty', () => {
    expect(load({ REDIS_URL: '', SMS_CODE_DIGITS: '', COUNTERSIGN_CONFIG: '' }).codes.digits).toBe(6);
  });
});

describe('the file', () => {
  test('replaces the purposes', () => {
    const config = load(
      {},
      'purposes: { pay: { digits: 8, expirySeconds: 90, guesses: 2, resend: new, webOtpDomain: a.example, androidAppHash: FA+9qCX9VSu, texts: { zh-Hant: "{code}" } }, vote: {} }',
    );
    const message = {
      webOtpDomain: '',
      androidAppHash: '',
      texts: new Map(),
      requiredVariables: [],
      variableCharacters: 32,
    };
    const ending = {
      webOtpDomain: 'a.example',
      androidAppHash: 'FA+9qCX9VSu',
      texts: new Map([['zh-hant', '{code}']]),
      requiredVariables: [],
      variableCharacters: 32,
    };
    expect([...purposePolicies(config).values()]).toEqual([
      {
        name: 'pay',
        digits: 8,
        lifeMs: 90_000,
        guesses: 2,
        guessesByPhone: 2,
        resend: 'new',
        variablesRequired: false,
        message: ending,
      },
      {
        name: 'vote',
        digits: 6,
        lifeMs: 300_000,
        guesses: 5,
        guessesByPhone: 3,
        resend: 'same',
        variablesRequired: false,
        message,
      },
    ]);
  });

  test('adds, changes and removes windows', () => {
    const config = load(
      {},
      'limits: { windows: { phone_hour: { limit: 2 }, phone_day: null, phone_week: { limit: 20, seconds: 604800 } } }',
    );
    expect(limitPolicy(config).windows).toEqual([
      { name: 'phone_hour', limit: 2, windowMs: 3_600_000 },
      { name: 'phone_week', limit: 20, windowMs: 604_800_000 },
    ]);
  });

  test('names callers, their tokens and their purposes', () => {
    const yaml = `callers: { auth: { tokens: [${'A'.repeat(64)}, ${'b'.repeat(64)}], purposes: [login] }, all: { tokens: [${'c'.repeat(64)}] } }`;
    expect(callerConfigs(load({}, yaml))).toEqual([
      { name: 'auth', tokenHashes: [HASH, 'b'.repeat(64)], purposes: ['login'] },
      { name: 'all', tokenHashes: ['c'.repeat(64)], purposes: 'all' },
    ]);
  });

  test('says which number types are refused', () => {
    const config = load({}, 'phones: { defaultRegion: GB, refuseLandline: true, refuseVoip: true }');
    expect(phonePolicy(config)).toEqual({ defaultRegion: 'GB', refusedTypes: new Set(['landline', 'voip']) });
  });

  test.each(['', '# nothing yet\n', 'redis:\n'])('may be empty: %j', (yaml) => {
    expect(load({}, yaml)).toEqual(load({}));
  });
});

describe('one mistake is named by its variable or its place in the file', () => {
  const URLS = 'REDIS_URL: must be redis:// or rediss:// URLs without a query, separated by commas';
  const cases: [env: Env, yaml: string | undefined, mistake: string][] = [
    [{ NODE_ENV: 'prod' }, undefined, 'NODE_ENV: must be one of production, development, test'],
    [{ GRPC_LISTEN: '50051' }, undefined, 'GRPC_LISTEN: must be host:port, IPv6 hosts in brackets ("[::1]:8080")'],
    [
      { HTTP_LISTEN: '[::1]:65536' },
      undefined,
      'HTTP_LISTEN: must be host:port, IPv6 hosts in brackets ("[::1]:8080")',
    ],
    [{ HTTP_LISTEN: '127.0.0.1:9090' }, undefined, 'OPS_LISTEN: is the address of another listener'],
    [
      { GRPC_LISTEN: '0.0.0.0:50051' },
      undefined,
      'GRPC_LISTEN: is not a loopback address, and without COUNTERSIGN_CALLERS anybody could call',
    ],
    [
      {},
      'listen: { http: "[::]:8080" }',
      'listen.http: is not a loopback address, and without COUNTERSIGN_CALLERS anybody could call',
    ],
    [{ REFLECTION: 'maybe' }, undefined, 'REFLECTION: must be true or false'],
    [
      { COUNTERSIGN_SECRET: 'x'.repeat(31) },
      undefined,
      'COUNTERSIGN_SECRET: must have at least 32 bytes (try: openssl rand -base64 32)',
    ],
    [
      { COUNTERSIGN_SECRET: 'ab'.repeat(31) },
      undefined,
      'COUNTERSIGN_SECRET: must have at least 32 bytes, and two hexadecimal digits count as one (try: openssl rand -base64 32)',
    ],
    [{ COUNTERSIGN_SECRET: `${SECRET}\n` }, undefined, 'COUNTERSIGN_SECRET: starts or ends with white space'],
    [
      { COUNTERSIGN_SECRET: SECRET, COUNTERSIGN_SECRET_PREVIOUS: SECRET },
      undefined,
      'COUNTERSIGN_SECRET_PREVIOUS: is the same as COUNTERSIGN_SECRET',
    ],
    [
      { COUNTERSIGN_SECRET_PREVIOUS: SECRET },
      undefined,
      'COUNTERSIGN_SECRET_PREVIOUS: needs COUNTERSIGN_SECRET beside it',
    ],
    [
      {},
      `secret: { current: ${SECRET} }`,
      'secret.current: belongs in the environment: set COUNTERSIGN_SECRET or COUNTERSIGN_SECRET_FILE instead',
    ],
    [{ REDIS_URL: 'http://h' }, undefined, URLS],
    [{ REDIS_URL: 'redis://h?commandTimeout=9' }, undefined, URLS],
    [{ REDIS_URL: 'redis://a,redis://b' }, undefined, 'REDIS_URL: names several servers, but REDIS_CLUSTER is not on'],
    [{ REDIS_PASSWORD: 'p' }, undefined, 'REDIS_PASSWORD: is set without REDIS_URL'],
    [{ REDIS_KEY_PREFIX: 'a{b}' }, undefined, 'REDIS_KEY_PREFIX: must be 1 to 32 letters, digits and _ . : -'],
    [{ REDIS_COMMAND_TIMEOUT_MS: '0.5' }, undefined, 'REDIS_COMMAND_TIMEOUT_MS: must be a whole number'],
    [{ REDIS_COMMAND_TIMEOUT_MS: '5' }, undefined, 'REDIS_COMMAND_TIMEOUT_MS: must be at least 10'],
    [
      { COUNTERSIGN_CALLERS: '{' },
      undefined,
      'COUNTERSIGN_CALLERS: is not valid YAML (MISSING_CHAR at line 1, column 2)',
    ],
    [{ COUNTERSIGN_CALLERS: 'auth' }, undefined, 'COUNTERSIGN_CALLERS: must be a mapping'],
    [
      { COUNTERSIGN_CALLERS: '{auth: {tokens: [secret]}}' },
      undefined,
      'COUNTERSIGN_CALLERS.auth.tokens[0]: must be a SHA-256 hash in hexadecimal (printf %s "$TOKEN" | sha256sum)',
    ],
    [{}, 'callers: { auth: { tokens: [] } }', 'callers.auth.tokens: must be at least 1 entry'],
    [
      {},
      `callers: { a: { tokens: [${HASH}] }, b: { tokens: [${HASH}] } }`,
      'callers.b.tokens[0]: is the same as another token',
    ],
    [
      {},
      `callers: { a: { tokens: [${HASH}], purposes: [login, pay] } }`,
      'callers.a.purposes[1]: is not one of the purposes',
    ],
    [
      {},
      `callers: { Auth: { tokens: [${HASH}] } }`,
      'callers.Auth: must be 1 to 32 of a-z, 0-9, _ and -, the first a letter',
    ],
    [{ SMS_CODE_DIGITS: '3' }, undefined, 'SMS_CODE_DIGITS: must be at least 4'],
    [{ SMS_CODE_DIGITS: 'six' }, undefined, 'SMS_CODE_DIGITS: must be a whole number'],
    [{ SMS_CODE_EXPIRY_MINUTES: '11' }, undefined, 'SMS_CODE_EXPIRY_MINUTES: must be at most 10'],
    [{}, 'purposes: {}', 'purposes: at least one purpose must remain'],
    [{}, 'purposes: { login: { guesses: 6 } }', 'purposes.login.guesses: must be at most 5'],
    [{}, 'purposes: { login: { expirySeconds: 601 } }', 'purposes.login.expirySeconds: must be at most 600'],
    [{}, 'purposes: { login: { resend: never } }', 'purposes.login.resend: must be one of same, new'],
    [
      {},
      'purposes: { login: { guesses: 2, guessesByPhone: 3 } }',
      'purposes.login.guessesByPhone: must not exceed `guesses`',
    ],
    [{}, 'purposes: { "a:b": {} }', 'purposes.a:b: must be 1 to 32 of a-z, 0-9, _ and -, the first a letter'],
    [{ SMS_RATE_LIMIT_PER_PHONE: '0' }, undefined, 'SMS_RATE_LIMIT_PER_PHONE: must be at least 1'],
    [{ SMS_RATE_LIMIT_WINDOW: '1h' }, undefined, 'SMS_RATE_LIMIT_WINDOW: must be a whole number'],
    [
      {},
      'limits: { windows: { phone_hour: null, phone_day: null } }',
      'limits.windows: at least one window must remain',
    ],
    [{}, 'limits: { windows: { cooldown: { limit: 1, seconds: 1 } } }', 'limits.windows: uses a reserved name'],
    [{}, 'limits: { windows: { week: { limit: 1 } } }', 'limits.windows.week.seconds: is required'],
    [
      { DEFAULT_REGION: 'us' },
      undefined,
      'DEFAULT_REGION: must be an ISO 3166-1 region with a numbering plan, for example US',
    ],
    [{ SMS_BRAND: 'a\nb' }, undefined, 'SMS_BRAND: must be 1 to 32 printable characters'],
    [{ SMS_MOCK_MODE: 'false' }, undefined, 'sms: no SMS provider configured'],
    [
      { TWILIO_ACCOUNT_SID: ACCOUNT, TWILIO_AUTH_TOKEN: 'b' },
      undefined,
      'TWILIO_PHONE_NUMBER: is required with the other Twilio settings',
    ],
    [{ LOG_LEVEL: 'loud' }, undefined, 'LOG_LEVEL: must be one of trace, debug, info, warn, error, fatal, silent'],
    [{ LOG_FORMAT: 'xml' }, undefined, 'LOG_FORMAT: must be one of json, pretty'],
    [{}, 'sms: { brnad: x }', 'sms.brnad: is not a setting: did you mean brand?'],
    [{}, 'colour: blue', 'colour: is not a setting'],
    [{}, 'log: loud', 'log: must be a mapping'],
    [{}, '- a list', 'COUNTERSIGN_CONFIG: the file must hold a YAML mapping'],
    [{}, 'log: {', 'COUNTERSIGN_CONFIG: is not valid YAML (BAD_INDENT at line 1, column 7)'],
  ];

  test.each(cases)('%j %j', (env, yaml, mistake) => {
    expect(mistakes(env, yaml)).toEqual([mistake]);
  });

  test('a file that is not there', () => {
    const missing = () => {
      throw Object.assign(new Error('no such file: /secret/place'), { code: 'ENOENT' });
    };
    const attempt = () => loadConfig({ COUNTERSIGN_CONFIG: 'countersign.yaml' }, missing);
    expect(attempt).toThrow(/COUNTERSIGN_CONFIG: cannot be read \(ENOENT\)$/);
  });
});

test('all mistakes are reported at once, and none repeats what was written', () => {
  const secretive = 'hunter2hunter2';
  const found = mistakes(
    {
      NODE_ENV: 'production',
      COUNTERSIGN_SECRET: secretive,
      REDIS_COMMAND_TIMEOUT_MS: secretive,
      COUNTERSIGN_CALLERS: `{auth: {tokens: [${secretive}]}}`,
      SMS_MOCK_MODE: 'true',
      TENCENT_SECRET_KEY: secretive,
    },
    `listen: { grpc: ${secretive} }\nlog: { level: ${secretive} }\ntwlio: {}`,
  );
  expect(found.map((line) => line.split(':')[0])).toEqual([
    'twlio',
    'listen.grpc',
    'COUNTERSIGN_SECRET',
    'REDIS_COMMAND_TIMEOUT_MS',
    'COUNTERSIGN_CALLERS.auth.tokens[0]',
    'log.level',
    'REDIS_URL',
    'SMS_MOCK_MODE',
    'SMS_BRAND',
    'TENCENT_SECRET_ID',
    'TENCENT_SMS_SDK_APP_ID',
    'TENCENT_SMS_TEMPLATE_ID',
  ]);
  expect(found.join('\n')).not.toContain(secretive);
});

describe('production', () => {
  const own = { ownProviders: true };

  test('starts when everything that it needs is there', () => {
    const config = load(PRODUCTION, undefined, own);
    expect(config).toMatchObject({ mode: 'production', reflection: false, log: { format: 'json' }, warnings: [] });
    expect(config.listen).toEqual({
      grpc: '0.0.0.0:50051',
      http: '0.0.0.0:8080',
      ops: '0.0.0.0:9090',
      callbacks: '0.0.0.0:8090',
    });
    expect(config.sms.mockMode).toBe(false);
  });

  test('names everything that is missing', () => {
    expect(mistakes({ NODE_ENV: 'production' })).toEqual([
      'REDIS_URL: is required in production',
      'COUNTERSIGN_SECRET: is required in production',
      'sms: no SMS provider configured',
      'SMS_BRAND: is required in production',
      'COUNTERSIGN_CALLERS: is required in production',
    ]);
  });

  test('needs callers on loopback too', () => {
    const { COUNTERSIGN_CALLERS: _, ...env } = PRODUCTION;
    const loopback = { GRPC_LISTEN: '127.0.0.1:50051', HTTP_LISTEN: '127.0.0.1:8080' };
    expect(mistakes({ ...env, ...loopback }, undefined, own)).toEqual([
      'COUNTERSIGN_CALLERS: is required in production',
    ]);
  });

  test('refuses mock mode', () => {
    expect(mistakes({ ...PRODUCTION, SMS_MOCK_MODE: 'yes' }, undefined, own)).toEqual([
      'SMS_MOCK_MODE: must be off in production',
    ]);
  });

  test.each([
    ['Twilio', TWILIO],
    [
      'Tencent for mainland China',
      {
        TENCENT_SECRET_ID: 'i',
        TENCENT_SECRET_KEY: 'k',
        TENCENT_SMS_SDK_APP_ID: '1400',
        TENCENT_SMS_SIGN_NAME: 'n',
        TENCENT_SMS_TEMPLATE_ID: '7',
      },
    ],
    ['a gateway of one’s own', { SMS_WEBHOOK_URL: 'https://gateway/sms', SMS_WEBHOOK_SECRET: 's'.repeat(24) }],
  ])('starts with %s alone', (_, vendor) => {
    expect(load({ ...PRODUCTION, ...vendor })).toMatchObject({ warnings: [] });
  });
});

test('Redis without a root secret works in development, with a warning', () => {
  const { warnings } = load({ REDIS_URL: 'redis://localhost' });
  expect(warnings).toEqual([expect.stringMatching(/^COUNTERSIGN_SECRET is not set: /)]);
});

test('two secrets whose key ids collide are refused before they are used', () => {
  const candidates = Array.from({ length: 5000 }, (_, i) => `a root secret that is long enough, no. ${i}`);
  const collides = (previous: string) => {
    try {
      createKeyring({ current: Buffer.from(SECRET), previous: Buffer.from(previous) });
      return false;
    } catch {
      return true;
    }
  };
  const env = { COUNTERSIGN_SECRET: SECRET, COUNTERSIGN_SECRET_PREVIOUS: candidates.find(collides) ?? '' };
  expect(mistakes(env)).toEqual([expect.stringMatching(/^COUNTERSIGN_SECRET: the two root secrets share a key id/)]);
});

describe('the description of the configuration', () => {
  const env = {
    ...PRODUCTION,
    ...TWILIO,
    COUNTERSIGN_SECRET_PREVIOUS: OTHER_SECRET,
    REDIS_URL: 'redis://svc:pass-word@a:1,redis://:pass-word@b:2',
    REDIS_CLUSTER: 'true',
    REDIS_PASSWORD: 'pass-word',
    TENCENT_SECRET_ID: 'i',
    TENCENT_SECRET_KEY: 'tencent-key',
    TENCENT_SMS_SDK_APP_ID: '1400',
    TENCENT_SMS_SIGN_NAME: 'n',
    TENCENT_SMS_TEMPLATE_ID: '7',
    NODE_ENV: 'development',
  };
  const text = described(env);

  test('masks every secret', () => {
    for (const secret of [SECRET, OTHER_SECRET, 'pass-word', 'tok-en', 'tencent-key', HASH]) {
      expect(text).not.toContain(secret);
    }
    expect(text).toContain('redis://svc:(masked)@a:1,redis://:(masked)@b:2');
  });

  test('is a file that means the same', () => {
    const plain = { LOG_LEVEL: 'debug', SMS_CODE_DIGITS: '8', DEFAULT_REGION: 'DE', GRPC_LISTEN: '127.0.0.1:1' };
    expect(load({}, described(plain))).toEqual(load(plain));
  });
});
