// Refuses PINs and passphrases that would be guessed within the first tries.

import { Fault } from "../kernel/index.ts";

export const SECRET_LENGTH_MAX = 256;
const PIN_LENGTH_MIN = 6;
const PASSPHRASE_LENGTH_MIN = 8;
const FAMOUS = /^(pass(word|wort|phrase)|qwert[yz]|letmein|freehold|iloveyou|159753|147258|112233)/i;

/** Faults: `owner.weak`. */
export function checkStrength(secret: string): void {
  const lengthMin = /^\d+$/.test(secret) ? PIN_LENGTH_MIN : PASSPHRASE_LENGTH_MIN;
  const next = "take a PIN of 6 or more digits, or a passphrase of 8 or more characters";
  if (secret.length < lengthMin) throw new Fault("owner.weak", { message: "this is too short.", next });
  if (secret.length > SECRET_LENGTH_MAX) throw new Fault("owner.weak", { message: "this is too long.", next });
  if (isTrivial(secret)) throw new Fault("owner.weak", { message: "this would be guessed among the first.", next });
}

/** Few different characters, one block repeated, a run up or down, or one of the famous. */
function isTrivial(secret: string): boolean {
  const codes = Array.from(secret, (char) => char.charCodeAt(0));
  const steps = new Set(codes.slice(1).map((code, at) => (code - (codes[at] ?? 0) + 10) % 10));
  const isRun = steps.size === 1 && (steps.has(1) || steps.has(9));
  return new Set(codes).size < 3 || isRun || /^(.+)\1+$/s.test(secret) || FAMOUS.test(secret);
}
