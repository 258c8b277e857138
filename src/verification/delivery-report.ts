/** Delivery reports: finds the send of each and stores it there. Vendors report early, and more than once. */
import type { DeliveryReport } from '../domain/delivery.ts';
import type { Keyring, ReportedSend } from '../domain/keyring.ts';
import { WAITING_CODE_CHARACTERS } from '../domain/reports.ts';
import type { Emit } from '../event.ts';
import type { ReportReply, Store } from '../store/store.ts';

export interface Reporting {
  /** Rejects when the store is away: the report is lost then, unless the vendor sends it again. */
  report(provider: string, report: DeliveryReport): Promise<void>;
  /**
   * For providers that report by their own message id: to which send it belongs. Reports that came before are applied
   * in the background. Rejects when the store is away.
   */
  link(provider: string, messageId: string, token: string): Promise<void>;
  /** Resolves when the reports that came before their link are applied. */
  settled(): Promise<void>;
}

export interface ReportingParts {
  readonly store: Pick<Store, 'report' | 'link' | 'lookup'>;
  readonly keyring: Pick<Keyring, 'parseReportToken' | 'messageKeys' | 'verificationId'>;
  readonly emit: Emit;
}

interface Result {
  readonly outcome: ReportReply['outcome'] | 'unmatched';
  readonly age: number;
}

export function createReporting({ store, keyring, emit }: ReportingParts): Reporting {
  const pending = new Set<Promise<void>>();

  /** `send` is null while it is not known. */
  function emitReport(provider: string, report: DeliveryReport, send: ReportedSend | null, result: Result): void {
    const { status, category, vendorCode } = report;
    const { outcome, age } = result;
    const { phoneKey = '', nonce = '', country = '' } = send ?? {};
    const verificationId = nonce === '' ? '' : keyring.verificationId(phoneKey, nonce);
    const seconds = outcome === 'applied' ? age / 1000 : null;
    emit({ type: 'report', provider, verificationId, country, status, category, vendorCode, outcome, seconds });
  }

  async function apply(provider: string, report: DeliveryReport, send: ReportedSend): Promise<void> {
    const { phoneKey, caller, purpose, sendId } = send;
    const { messageId, status, category } = report;
    const slot = { phoneKey, caller, purpose };
    emitReport(provider, report, send, await store.report({ slot, sendId, provider, messageId, status, category }));
  }

  /** One after the other, in the order in which they came. */
  async function applyAll(provider: string, reports: readonly DeliveryReport[], send: ReportedSend): Promise<void> {
    for (const report of reports) {
      try {
        await apply(provider, report, send);
      } catch (error) {
        emit({ type: 'reports_failed', provider, error: error as Error });
      }
    }
  }

  /**
   * The token that a message was linked with. Links that were made before a rotation are under the previous secret. A
   * report that finds no link is kept under both secrets, because the instance that links the message may have either.
   */
  async function linkedToken(provider: string, report: DeliveryReport): Promise<string | null> {
    const { status, category, vendorCode } = report;
    const kept = { status, category, vendorCode: vendorCode.slice(0, WAITING_CODE_CHARACTERS) };
    for (const message of keyring.messageKeys(provider, report.messageId)) {
      const { token } = await store.lookup({ message, report: kept });
      if (token !== null) return token;
    }
    return null;
  }

  return {
    async report(provider, report) {
      const send = keyring.parseReportToken(report.token);
      if (send !== null) return apply(provider, report, send);
      if (report.messageId === '') return emitReport(provider, report, null, { outcome: 'unmatched', age: 0 });
      const token = await linkedToken(provider, report);
      if (token === null) return emitReport(provider, report, null, { outcome: 'early', age: 0 });
      const linked = keyring.parseReportToken(token);
      if (linked !== null) return apply(provider, report, linked);
      // The token in the store is not ours.
      emitReport(provider, report, null, { outcome: 'unmatched', age: 0 });
    },

    async link(provider, messageId, token) {
      const send = keyring.parseReportToken(token);
      if (send === null || messageId === '') return;
      const [message] = keyring.messageKeys(provider, messageId);
      const { reports } = await store.link({ message, token });
      const named = reports.map((report) => ({ ...report, token: '', messageId }));
      // The answer to SendCode waits for the link, not for these.
      const applied = applyAll(provider, named, send).finally(() => pending.delete(applied));
      pending.add(applied);
    },

    async settled() {
      await Promise.all(pending);
    },
  };
}
