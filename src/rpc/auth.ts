import { hash } from 'node:crypto';
import { ANONYMOUS, type Caller } from '../domain/caller.ts';

export interface CallerConfig {
  readonly name: string;
  /** SHA-256 of each valid token, lower-case hex. Several at once, so that tokens can be rotated. */
  readonly tokenHashes: readonly string[];
  readonly purposes: readonly string[] | 'all';
}

/**
 * The caller of this `Authorization` header; null when the token is unknown. Never throws: no handler would catch it.
 */
export type Authenticator = (authorization: string | undefined) => Caller | null;

/** RFC 6750 §2.1; the scheme is case-insensitive (RFC 9110 §11.1). */
const BEARER = /^bearer +([\w.~+/-]+=*) *$/i;

/** Static bearer tokens. If no callers are configured, every request is ANONYMOUS: a development server on loopback. */
export function createAuthenticator(callers: readonly CallerConfig[]): Authenticator {
  if (callers.length === 0) return () => ANONYMOUS;

  const byHash = new Map<string, Caller>();
  for (const { name, purposes, tokenHashes } of callers) {
    const caller: Caller = { name, purposes: purposes === 'all' ? 'all' : new Set(purposes) };
    for (const tokenHash of tokenHashes) byHash.set(tokenHash, caller);
  }

  return (authorization) => {
    const token = authorization === undefined ? undefined : BEARER.exec(authorization)?.[1];
    // The lookup compares hashes. Its time may show how much of a hash matches, but an attacker cannot make a token
    // for a hash, so a constant-time comparison is not needed.
    return token === undefined ? null : (byHash.get(hash('sha256', token)) ?? null);
  };
}
