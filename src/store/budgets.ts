// Reserve before acting, settle after. Amounts are whole numbers in the account's unit (nano-USD, tokens, calls).
// Invariants: spent + held never grows past the limit given with a claim; what a crash left open stays charged
// in full.

import { assert, type Reservation } from "../kernel/index.ts";
import type { Database } from "./database.ts";
import { integerOf, textOf, type Row } from "./rows.ts";

/** `amount` more, as long as all that is spent and held stays within `limit`. */
export interface Claim {
  readonly account: string;
  readonly amount: number;
  readonly limit: number;
}

export interface Budgets {
  /** Each account's name holds its period, such as `day:2026-11-22`. All of the claims are held, or none. */
  reserve(claims: readonly Claim[]): readonly Reservation[] | { readonly refused: string };
  /** Charges what was really spent, also above the reserved amount. A closed reservation is not charged again. */
  settle(reservation: Reservation, spent: number): void;
  /** One more, with no limit of its own. */
  count(account: string): void;
  spent(account: string): { readonly spent: number; readonly held: number };
  /** The reservations that the run before left open; they were charged at their bound when this one opened. */
  orphansCharged(): readonly Reservation[];
}

const ID_BYTES = 12;

export function budgetsOf(database: Database, randomBytes: (count: number) => Uint8Array): Budgets {
  const orphans = chargeOrphans(database);

  function sums(account: string): { readonly spent: number; readonly held: number } {
    const row = database.one("SELECT spent, held FROM accounts WHERE account = ?", account);
    return row === null ? { spent: 0, held: 0 } : { spent: integerOf(row, "spent"), held: integerOf(row, "held") };
  }

  return {
    reserve: (claims) =>
      database.transaction(() => {
        const over = claims.find(({ account, amount, limit }) => {
          assert(isAmount(amount) && isAmount(limit), "a budget amount is not a whole number");
          const { spent, held } = sums(account);
          return spent + held + amount > limit;
        });
        if (over !== undefined) return { refused: over.account };
        return claims.map(({ account, amount }) => {
          const id = Buffer.from(randomBytes(ID_BYTES)).toString("hex");
          database.run("INSERT INTO reservations VALUES (?, ?, ?)", id, account, amount);
          charge(database, { account, spent: 0, held: amount });
          return { id, account, amount };
        });
      }),
    settle(reservation, spent) {
      assert(isAmount(spent), "a budget amount is not a whole number");
      database.transaction(() => {
        const row = database.one("DELETE FROM reservations WHERE id = ? RETURNING *", reservation.id);
        if (row === null) return;
        const { account, amount } = reservationOf(row);
        charge(database, { account, spent, held: -amount });
      });
    },
    count: (account) => database.transaction(() => charge(database, { account, spent: 1, held: 0 })),
    spent: sums,
    orphansCharged: () => orphans,
  };
}

function chargeOrphans(database: Database): readonly Reservation[] {
  return database.transaction(() => {
    const orphans = database.all("DELETE FROM reservations RETURNING *").map(reservationOf);
    for (const { account, amount } of orphans) charge(database, { account, spent: amount, held: -amount });
    return orphans;
  });
}

function charge(
  database: Database,
  change: { readonly account: string; readonly spent: number; readonly held: number },
): void {
  const { account, spent, held } = change;
  const more = "ON CONFLICT DO UPDATE SET spent = spent + excluded.spent, held = held + excluded.held";
  database.run(`INSERT INTO accounts VALUES (?, ?, ?) ${more}`, account, spent, held);
}

function reservationOf(row: Row): Reservation {
  return { id: textOf(row, "id"), account: textOf(row, "account"), amount: integerOf(row, "amount") };
}

function isAmount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}
