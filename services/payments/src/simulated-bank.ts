import { randomBytes } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import type { Database } from '@weft/service-kit';
import { type Card, cardOf } from './card.ts';
import {
  type AuthorizationOutcome,
  type DeclineReason,
  type PaymentProvider,
  ProviderUnavailable,
} from './payment-provider.ts';
import { behaviourOf, type CardBehaviour } from './test-cards.ts';

interface Entry {
  readonly state: 'asked' | 'approved' | 'declined' | 'captured' | 'returned';
  readonly attempts: number;
  readonly decline_reason: DeclineReason | null;
}

/**
 * A bank that approves, declines, delays and fails by the number of the card (README.md lists them). It keeps its books in
 * the table `simulated_bank`, one row an authorization, so that all replicas face the same bank. Of a card it keeps how it
 * treats it, under the card's token, and never the number. No connection is held while it delays.
 */
export function simulatedBank(db: Database): PaymentProvider {
  return {
    async tokenize(cardNumber) {
      const token = `card_${randomBytes(24).toString('base64url')}`;
      const { brand, last4 } = cardOf(cardNumber);
      await db.query(
        // Whoever comes takes a few expired tokens away.
        `with expired as (
           delete from simulated_bank_cards where token in
             (select token from simulated_bank_cards where expires_at <= now() limit 10 for update skip locked)
         )
         insert into simulated_bank_cards (token, brand, last4, behaviour) values ($1, $2, $3, $4)`,
        [token, brand, last4, JSON.stringify(behaviourOf(cardNumber))],
      );
      return token;
    },

    async cardOf(token) {
      return await knownCard(db, token);
    },

    async authorize({ key, amount, cardToken }, signal) {
      const {
        rows: [entry],
      } = await db.query<Entry>(
        `insert into simulated_bank as bank (authorization_key, attempts, state, currency_code, amount_units, amount_nanos)
         values ($1, 1, 'asked', $2, $3, $4)
         on conflict (authorization_key) do update set attempts = bank.attempts + 1, updated_at = now()
         returning state, attempts, decline_reason`,
        [key, amount.currencyCode, amount.units, amount.nanos],
      );
      const known = entry && outcomeOf(entry);
      if (known) return known;
      const card = await knownCard(db, cardToken);
      if (card === undefined) return { kind: 'unknown card' };
      const { behaviour } = card;
      if (behaviour.delayMs !== undefined) await delay(behaviour.delayMs, undefined, { signal });
      const attempts = entry?.attempts ?? 1;
      if (attempts <= (behaviour.failures ?? 0)) {
        throw new ProviderUnavailable(`the simulated bank gave no answer to try ${attempts} of ${key}`);
      }
      // Given back meanwhile: stays so.
      const {
        rows: [decided],
      } = await db.query<Entry>(
        `update simulated_bank set
           state = case state when 'asked' then $2 else state end,
           decline_reason = case state when 'asked' then $3 else decline_reason end,
           updated_at = now()
         where authorization_key = $1 returning state, attempts, decline_reason`,
        [key, behaviour.decline === undefined ? 'approved' : 'declined', behaviour.decline ?? null],
      );
      const outcome = decided && outcomeOf(decided);
      if (outcome === undefined) throw new ProviderUnavailable(`the simulated bank lost ${key}`);
      return outcome;
    },

    async capture(authorizationKey) {
      const {
        rows: [entry],
      } = await db.query<Entry>(
        `update simulated_bank set state = case state when 'approved' then 'captured' else state end, updated_at = now()
         where authorization_key = $1 returning state, attempts, decline_reason`,
        [authorizationKey],
      );
      if (entry?.state === 'captured' || entry?.state === 'returned') return entry.state;
      return 'unknown';
    },

    async giveBack(authorizationKey) {
      await db.query(
        `insert into simulated_bank as bank (authorization_key, state) values ($1, 'returned')
         on conflict (authorization_key) do update set state = 'returned', updated_at = now() where bank.state <> 'declined'`,
        [authorizationKey],
      );
    },
  };
}

interface KnownCard extends Card {
  readonly behaviour: CardBehaviour;
}

async function knownCard(db: Database, token: string): Promise<KnownCard | undefined> {
  const {
    rows: [card],
  } = await db.query<KnownCard>(
    'select brand, last4, behaviour from simulated_bank_cards where token = $1 and expires_at > now()',
    [token],
  );
  return card;
}

function outcomeOf(entry: Entry): AuthorizationOutcome | undefined {
  switch (entry.state) {
    case 'approved':
    case 'captured':
      return { kind: 'approved' };
    case 'returned':
      return { kind: 'returned' };
    case 'declined':
      return { kind: 'declined', reason: entry.decline_reason ?? 'processing_error' };
    case 'asked':
      return undefined;
  }
}
