/** Which tests prove which sentence. Whoever changes a sentence looks here whether it is still what they prove. */

/** A file under test/, and titles of tests in it as they are written there, with `…` for `${…}`. */
export type Proof = readonly [file: string, ...titles: string[]];

/** What is nobody's promise: advice, or the way to a list. */
export interface NoPromise {
  readonly noPromise: string;
}

const FAILOVER = 'e2e/failover-lines.test.ts';
const SECURITY = 'e2e/security-lines.test.ts';
const TAMPERED = 'e2e/tampered-redis.test.ts';

const NO_CODE_TWICE: readonly Proof[] = [
  ['chaos/races.test.ts', '… codes, each checked … times at once with the right code, are approved once each'],
  ['e2e/lost-replies.test.ts', 'with the same request_id the right code is APPROVED, 100 of 100'],
  ['chaos/fence.test.ts', 'approves no code twice, in … rounds', 'approve each code once', 'approves no code twice'],
];
const FIVE_GUESSES: readonly Proof[] = [
  ['chaos/races.test.ts', 'of … wrong guesses at once 5 are compared, and the right code is refused afterwards'],
  [
    'store/contract-check.ts',
    'compares at most 5 of any number of parallel guesses, and refuses the right code afterwards',
  ],
];
const TWENTY_A_DAY: readonly Proof[] = [
  ['e2e/budget.test.ts', '$burst wrong guesses, resend ($resend), repeat: exactly 20 compared in 24 h'],
  ['e2e/budget.test.ts', 'in no 24 hours of three days more than 20, and 20 again in each'],
  ['store/contract-check.ts', 'belongs to one caller and purpose of a phone'],
];
const FORGOTTEN_GUESSES: Proof = [
  FAILOVER,
  'wrong guesses: the budget counts as if they had not been made, and the next code has as many more guesses',
];
const KEYS_TELL_NOTHING: readonly Proof[] = [
  ['e2e/keys.test.ts', 'every key is one of the documented kinds, expires within 30 days, and tells nothing'],
  ['domain/keyring.test.ts', 'is the same for one phone, another for another phone or secret, and no unkeyed hash'],
];
const SILENT: readonly Proof[] = [
  ['e2e/privacy.test.ts', 'shows no phone, code, token or session, whatever happened'],
  ['e2e/provider-privacy.test.ts', 'shows no code, number, credential or text of a vendor, and bounds the labels'],
  ['e2e/unsent-privacy.test.ts', 'shows nowhere either: $name'],
];
const REFUSED_WHILE_AWAY: readonly Proof[] = [
  ['e2e/fail-closed.test.ts', '%s callers are refused, and served again afterwards'],
  [
    'chaos/fail-closed.test.ts',
    'a server whose Redis is taken away again and again sends and approves nothing in doubt, and keeps its size',
  ],
];
const RECORDED_FIRST: readonly Proof[] = [
  ...REFUSED_WHILE_AWAY,
  [
    'e2e/lost-replies.test.ts',
    'nothing is sent; once given back, a retry with the same request_id sends exactly 1 SMS',
  ],
  ['e2e/round-trips.test.ts', 'SendCode is 1 command before the provider is called and 1 after it %s'],
];
const NO_PRIMARY: Proof = [
  FAILOVER,
  'while there is no primary, calls are refused with STORE_UNAVAILABLE and RetryInfo; nothing is sent or approved: %s',
];
const OUTSTANDING: Proof = [
  FAILOVER,
  'codes that were outstanding answer NOT_FOUND; GetVerification shows them EXPIRED; a new code at once',
];
const FOREIGN: readonly Proof[] = [
  ['e2e/budget.test.ts', '$who burns nothing over …, and the owner can still verify'],
  ['e2e/round-trips.test.ts', '%s is NOT_FOUND, as an unknown one, and stays as it was'],
  ['verification/verifier.test.ts', 'finds nothing under another caller’s id'],
  ['store/contract-records.ts', 'of another id, caller or purpose is not shown'],
];
const OTHERS_SENDS: Proof = [
  'store/contract-callers.ts',
  'is the same whenever it was made within ten seconds',
  'own sends are counted apart, and their times stay exact',
  'an approval is not seen by another caller, and not in its waits',
];
const ADVICE: NoPromise = { noPromise: 'advice to the operator' };

/** By the sentence, without links. */
export const PROMISES: Readonly<Record<string, readonly Proof[] | NoPromise>> = {
  // README, "Security in short".
  'A code is accepted at most once, whatever races, retries, lost answers or Redis failovers do.': NO_CODE_TWICE,
  'At most 5 guesses at a code.': FIVE_GUESSES,
  'Each caller has 20 wrong ones a day at a phone and purpose, however many codes are sent, short of what a failover of Redis loses.':
    [...TWENTY_A_DAY, FORGOTTEN_GUESSES],
  'Redis alone yields neither phones nor codes.': KEYS_TELL_NOTHING,
  'No log, metric or error has a code or a whole number.': SILENT,
  'Nothing is sent and nothing is approved before Redis has recorded it: while it is away, calls are refused.':
    RECORDED_FIRST,
  'Callers share the limits of a phone, and see of each other only that: how many SMS others sent to it within an hour and a day, at times rounded up to ten seconds; not who sent them, what for, or whether the user was approved.':
    [OTHERS_SENDS],
  'All properties, with what Countersign does not do for you.': { noPromise: 'the way to the list' },

  // docs/security.md, "What it promises".
  'Once. A code is accepted at most once, whatever races, retries, lost answers or Redis failovers do: every change is one atomic script that runs on a primary only, and a code dies with the replication history that issued it (what a failover does).':
    [
      ...NO_CODE_TWICE,
      ['chaos/races.test.ts', 'the same races against a check that reads and then writes'],
      ['e2e/round-trips.test.ts', '%s is 1 command'],
      ['store/primary.test.ts', 'answers no call, and each is known to have changed nothing'],
      [
        'store/contract-redis.ts',
        'lets a code die with the history that issued it, and its user ask for another at once',
      ],
    ],
  'Few guesses. At most 5 guesses at a code, and for each caller 20 wrong ones a day at a phone and purpose, whatever the number of codes, connections and instances (limits).':
    [
      ...FIVE_GUESSES,
      ...TWENTY_A_DAY,
      [
        SECURITY,
        '20 wrong guesses a day at a phone and purpose, whatever the number of codes, connections and instances',
        'over two processes',
      ],
    ],
  'The 20 are as lasting as what is stored of them: a failover loses what was not replicated; under a new secret or layout they begin anew.':
    [
      FORGOTTEN_GUESSES,
      [SECURITY, 'under a new secret they begin anew'],
      [
        'store/layout.test.ts',
        'misreads none of it: its codes are NOT_FOUND, its verdicts and answers unknown, its windows its own',
      ],
    ],
  'Redis alone yields neither phones nor codes. Phones are keyed hashes, codes a seed and a MAC.': [
    ...KEYS_TELL_NOTHING,
    ['domain/keyring.test.ts', 'has a MAC that is bound to phone, caller, purpose and code'],
  ],
  'Nor does the secret alone.': [
    ['domain/keyring.test.ts', 'follows from seed, phone, purpose and secret, and from nothing less'],
  ],
  'Nothing to learn from an id. Codes are uniform.': [
    ['domain/keyring.test.ts', 'of %i digits is uniform: every digit of every place, leading zeros kept'],
  ],
  'Ids have 128 random bits and reveal nothing about the phone.': [
    [SECURITY, 'ids have 128 random bits', 'each of them is set in about half of all ids'],
    ['domain/keyring.test.ts', 'shows no common part for two verifications of one phone, but for the key id'],
  ],
  '`CheckCode` gives foreign, expired and unknown ids the same answer, byte for byte; the other calls do so for foreign and unknown ones.':
    [
      [
        SECURITY,
        'the answer over %s, byte for byte,',
        'of CheckCode is the same for foreign, expired, used and unknown ids',
        'of %s is the same for foreign and unknown ids',
      ],
    ],
  'One code, one transaction. A code is sent again only with the same `variables`, and with `checkVariables` it confirms nothing else.':
    [
      [
        'e2e/one-transaction.test.ts',
        'is not sent again for another one: the first is dead, the second confirms its own',
        'confirms no other at the check, compares nothing, charges nothing: %s',
        'needs its variables where the purpose requires them, and not where it does not',
      ],
    ],
  "Silent logs. Codes and whole numbers are in no log, metric or error, and no vendor's text is.": SILENT,
  '(The console provider prints both: that is all it does.)': [
    [SECURITY, 'the console provider prints both, number and code: that is all it does'],
  ],
  'The vendor gets the number and the code, as it must.': [
    ['sms/twilio/provider.test.ts', 'has recipient, text, sender and validity, says what it is for, and nothing else'],
    ['sms/tencent/provider.test.ts', 'goes out as one signed request for one number'],
    ['sms/webhook/provider.test.ts', 'is posted as JSON, signed, under the id of its send'],
    ['e2e/fault-matrix.test.ts', '$fault, and has nobody behind it: $verdict'],
  ],
  'Genuine reports. Delivery reports are taken from the vendor only.': [
    ['e2e/delivery-reports.test.ts', 'forged, with %s: 403, counted, and changes nothing'],
  ],
  'What comes back in them to name a message is encrypted.': [
    [
      'domain/keyring.test.ts',
      'shows neither phone, caller, purpose nor country, and fits a URL with the longest names',
      'cannot be forged: every changed bit, a cut, an addition and another secret make it nothing',
    ],
  ],
  'Refusal in doubt. Nothing is sent and nothing is approved before Redis has recorded it: while it is away, calls are refused.':
    RECORDED_FIRST,
  '`SendCode` is `OK` only when a provider has taken the message or may have; a test number needs none.': [
    ['e2e/lost-replies.test.ts', 'a retry before that is UNAVAILABLE: there is no SMS that it could be the answer to'],
    ['e2e/lost-replies.test.ts', 'holds a repeat for as long as it could act, then the same code is sent once more'],
    ['chaos/repeats.test.ts', 'is $fault for $seconds s, which loses its $moment'],
    ['e2e/fault-matrix.test.ts', '$fault, and has nobody behind it: $verdict'],
    ['e2e/test-numbers.test.ts', 'gets no SMS, has a fixed code, and is flagged'],
  ],
  "One caller cannot touch another's. A verification belongs to the caller that asked for it: for all others it does not exist.":
    FOREIGN,
  "The limits of a phone are shared, and what is seen of others' sends is a rounded limit.": [OTHERS_SENDS],
  'Production refuses unsafe settings at start, and names all of them (the list).': [
    ['config/load.test.ts', 'names everything that is missing'],
    ['docs/running.test.ts', 'production asks for exactly what the checklist names'],
  ],

  // docs/security.md, "What it leaves to you".
  'TLS. The listeners speak plain text; tokens, phones and codes pass there.': [
    [SECURITY, 'the listeners speak plain text; tokens, phones and codes pass there'],
  ],
  'CAPTCHA and limits per IP address. This release limits per phone only.': [
    [SECURITY, 'CAPTCHA and limits per IP address: this release limits per phone only'],
  ],
  'The session. Bind codes to it by `client.session_id`, and act on an approval once.': [
    ['verification/check-code.test.ts', 'approves only in the session that asked for the code'],
  ],
  'Redis. Who can read it learns neither phones nor codes.': KEYS_TELL_NOTHING,
  'Who can write to it cannot write an approval that `CheckCode` believes, nor move a code that it knows to another verification, session or transaction, nor make it live longer; but it can restore an old record as a whole and so have a used code accepted again, reset guess budgets and limits and so guess a code, and change what `GetVerification`, a repeated `SendCode` and `verified_at` say.':
    [
      [
        TAMPERED,
        'cannot turn the stored verdict of a wrong guess into an approval: INTERNAL, and a fault in the log',
        'cannot give the tag of one approval to another guess',
        'cannot move a code that it knows to another verification of the phone: %s',
        'restore an old record as a whole and so have a used code accepted again',
        'reset guess budgets and limits and so guess a code',
        'cannot change the %s of a live code and have it approved',
        'cannot name another verification in the stored verdict of a guess by phone',
        'change what GetVerification, a repeated SendCode and verified_at say',
      ],
    ],
  'Who can watch its commands (`MONITOR`) can do more.': [
    [
      TAMPERED,
      'who can watch its commands (MONITOR) can do more: with the MAC of a known code it has the next one accepted',
    ],
  ],
  'Keep it for Countersign alone, with a user of its own.': ADVICE,
  'The secret. It is the same on every instance, backed up, and rotated with care.': ADVICE,
  'Test numbers. Anybody who knows one and its code can sign in without a phone, and no budget bounds the guesses at that code.':
    [
      [
        'e2e/test-numbers.test.ts',
        'gets no SMS, has a fixed code, and is flagged',
        'counts wrong codes per code, and for no budget',
      ],
    ],
  'Production wants a switch for them.': [
    [
      'e2e/test-numbers.test.ts',
      'test numbers are refused at start unless they are switched on, and the mistake shows neither number nor code',
    ],
  ],
  'A stronger factor. SMS is a weak one (SIM swaps, malware, social engineering): offer another beside it where you can.':
    ADVICE,

  // docs/operations.md, "What a failover does".
  'A replica may not have heard that a code was used when it becomes the primary.': [
    ['chaos/fence.test.ts', 'without the fence approves some twice'],
    [
      FAILOVER,
      'an approval: GetVerification does not know it, a repeated CheckCode says NOT_FOUND in place of APPROVED',
    ],
  ],
  'So each code is bound to the replication history (`master_replid`) that it was sent on, and no other accepts it.': [
    [
      'store/contract-redis.ts',
      'lets a code die with the history that issued it, and its user ask for another at once',
    ],
    ['chaos/fence.test.ts', 'approve each code once', 'approves no code twice'],
  ],
  'While there is no primary, calls are refused with `STORE_UNAVAILABLE` and `RetryInfo`.': [NO_PRIMARY],
  'Nothing is sent or approved by them.': [NO_PRIMARY, ...REFUSED_WHILE_AWAY],
  'Afterwards, codes that were outstanding answer `NOT_FOUND`; `GetVerification` shows them `EXPIRED`.': [OUTSTANDING],
  'Their users may ask for a new code at once: the cooldown of the one that died does not hold them, though the windows count it.':
    [
      OUTSTANDING,
      ['store/contract-redis.ts', 'waives no cooldown of another send that came after the dead code'],
      ['chaos/fence.test.ts', 'lets the users of codes that died with the primary have another at once'],
    ],
  'A repeated `SendCode` whose code died is `CODE_LOST`.': [
    [FAILOVER, 'a repeated SendCode whose code died is CODE_LOST, and its cooldown holds no new request_id'],
  ],
  'Expect one bump of `countersign_checks_total{result="not_found"}` per failover, about one life of a code long.': [
    [
      FAILOVER,
      'one bump of countersign_checks_total{result="not_found"}: of the codes that died, and of none after them',
    ],
  ],
  'Codes cannot be used twice.': NO_CODE_TWICE,
  'A primary that was demoted answers `UNAVAILABLE` to everything, as any replica does.': [
    ['store/primary.test.ts', 'answers no call, and each is known to have changed nothing'],
    ['e2e/fail-closed.test.ts', 'was demoted, it is left for the one that its address leads to by now'],
  ],
  'What the old primary had not replicated is lost.': [[FAILOVER, 'after a failover, $what:']],
  'Every promise of these pages about counts and repeats is short of this list:': { noPromise: 'the head of the list' },
  'An approval: `GetVerification` does not know it, a repeated `CheckCode` says `NOT_FOUND` in place of `APPROVED`, and the guess budget that it cleared is as before.':
    [
      [
        FAILOVER,
        'an approval: GetVerification does not know it, a repeated CheckCode says NOT_FOUND in place of APPROVED',
      ],
    ],
  'Wrong guesses: the budget counts as if they had not been made, and the next code has as many more guesses.': [
    FORGOTTEN_GUESSES,
  ],
  'At one code there are never more than its own, since it died.': [FORGOTTEN_GUESSES],
  'Sends: windows and cooldown count as if they had not been made, and their ids are unknown.': [
    [FAILOVER, 'sends: windows and cooldown count as if they had not been made, and their ids are unknown'],
  ],
  'The answer of a `request_id`: a repeated `SendCode` is a new one, and sends a second SMS, with another code.': [
    [
      FAILOVER,
      'the answer of a request_id: a repeated SendCode is a new one, and sends a second SMS, with another code',
    ],
  ],
  'How a send ended: its delivery is `UNKNOWN`, repeats are `SEND_UNDER_WAY` until 15 seconds after it, then a new send; a charge that was given back is there again.':
    [
      [
        FAILOVER,
        'how a send ended: its delivery is UNKNOWN, repeats are SEND_UNDER_WAY until 15 seconds after it, then a new send',
        'how a send ended: a charge that was given back is there again',
      ],
    ],
  'The history also changes when Redis restarts, when a lone primary gets its first replica, and when the backlog is freed (`repl-backlog-ttl 0` prevents that).':
    [
      [
        FAILOVER,
        'the history also changes',
        'when Redis restarts: %s',
        'when a lone primary gets its first replica, and with no other replica',
        'when the backlog is freed (repl-backlog-ttl 0 prevents that)',
      ],
    ],
  'A restart loses, as above, what was not yet on its disk.': [
    [FAILOVER, 'a restart loses, as above, what was not yet on its disk'],
  ],
  'In a Cluster, codes of slots that are moved die with the move.': [
    ['e2e/cluster.test.ts', 'in a Cluster, codes of slots that are moved die with the move, and no others'],
  ],
};
