// "Yes to these": one word for questions of one conversation, or that differ in values alone; the door decides each.

import {
  Fault,
  isExpired,
  oneLine,
  type Answered,
  type Clock,
  type JsonObject,
  type OwnersDoor,
  type Question,
} from "../kernel/index.ts";
import type { Store } from "../store/index.ts";
import { texts } from "./input.ts";
import { requireOwner, type Operation } from "./operation.ts";
import { find, toldOf } from "./ops-questions.ts";
import { TOGETHER_MAX, togetherKind } from "./together.ts";

export interface AlikeParts {
  readonly store: Store;
  readonly clock: Clock;
  readonly door: OwnersDoor;
}

/** Recorded once for all of them, so that the meter does not take a batch for hasty answers. */
export const ALIKE_SUBJECT = "answered alike";

export function alikeOperations(parts: AlikeParts): readonly Operation[] {
  const { store, door } = parts;
  return [
    {
      name: "questions.answerAlike",
      needsOwner: true,
      async run(input, context) {
        const questions = alikeIn(parts, input);
        const ids = questions.map(({ id }) => id);
        const owner = requireOwner(context.owner);
        store.ledger.append({
          kind: "owner",
          session: null,
          principal: "owner",
          subject: ALIKE_SUBJECT,
          request: null,
          facts: { questions: ids },
        });
        const outcomes: JsonObject[] = [];
        for (const { id } of questions) {
          const given = await door.answer(id, { kind: "yes" }, owner);
          const row = answeredRow(id, given);
          outcomes.push(row);
          context.emit({ answered: row });
        }
        return { outcomes };
      },
    },
  ];
}

function answeredRow(id: string, given: Answered): JsonObject {
  if (given.kind === "refused") return { id, state: null, outcome: null, refused: given.reason };
  const { question, outcome } = given;
  return { id, state: question.state, outcome: toldOf(question, outcome), refused: null };
}

/** Each open, each as it was shown (`digests`, in the same order), and all of one conversation or of one shape. */
function alikeIn(parts: AlikeParts, input: JsonObject): readonly Question[] {
  const ids = [...new Set(texts(input, "ids").map((id) => id.trim().toUpperCase()))];
  const digests = texts(input, "digests");
  if (ids.length < 2 || ids.length > TOGETHER_MAX) {
    throw new Fault("control.input", { message: `between 2 and ${TOGETHER_MAX} questions can be answered at once.` });
  }
  if (digests.length > 0 && digests.length !== ids.length) {
    throw new Fault("control.input", { message: "'digests' must name one digest for each question." });
  }
  const questions = ids.map((id) => find(parts.store, id));
  for (const [at, question] of questions.entries()) {
    if (digests.length > 0 && digests[at] !== question.digest) {
      throw new Fault("question.changed", { message: `question ${question.id} is not the one you saw.` });
    }
    if (question.state !== "open" || isExpired(question, parts.clock.nowMs())) {
      throw new Fault("question.closed", { message: `question ${question.id} is no longer open; none was answered.` });
    }
  }
  if (togetherKind(questions.map(({ id, binding }) => ({ id, ...binding }))) !== null) return questions;
  throw new Fault("question.not-alike", {
    message: `${listOf(ids)} are neither of one conversation nor alike.`,
    next: "freehold inbox",
  });
}

function listOf(ids: readonly string[]): string {
  return ids.map((id) => oneLine(id, 20)).join(", ");
}
