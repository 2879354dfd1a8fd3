// One question for what a request of the owner's will need: its outline, and calls that are foreseen before it reads.
// Invariants: the yes acts on nothing; it holds for the request, the policy and the words that it was asked under.

import {
  agree,
  canonical,
  digestOf,
  isExpired,
  objectFrom,
  principalFrom,
  principalText,
  propose,
  TASK,
  taskArgs,
  taskFrom,
} from "../kernel/index.ts";
import type { DoorAnswer, ForeseenCall, Question, Task } from "../kernel/index.ts";
import type { Case, DoorParts } from "./case.ts";
import { foresee } from "./foresee.ts";
import { taskSentence } from "./sentence.ts";
import type { Session } from "./sessions.ts";

interface Asking {
  asked(
    call: Omit<Question["binding"], "expiresAtMs">,
    why: Pick<Question, "because" | "clauses" | "sentence">,
  ): Question;
  wait(one: Case, question: Question): Promise<DoorAnswer>;
  ended(question: Question, reason: string): void;
}

export function isTask({ binding }: Question): boolean {
  return binding.tool === TASK;
}

export class Tasks {
  readonly #parts: DoorParts;
  readonly #asking: Asking;

  constructor(parts: DoorParts, asking: Asking) {
    this.#parts = parts;
    this.#asking = asking;
  }

  /** Called once for each request. Null where nothing of it needs to be asked beforehand. */
  ask(session: Session, calls: readonly ForeseenCall[]): string | null {
    const { store } = this.#parts;
    const before = this.#open(session);
    session.task = null;
    if (before !== null) this.#asking.ended(before, "a newer message came");
    const { stack, digest: policy } = this.#parts.policy();
    if (stack.outline === "confirm") propose(session.provenance);
    const foreseen = foresee(this.#parts, session, calls);
    if (foreseen === null) return null;
    const { task, clauses } = foreseen;
    const [principal, args] = [principalText(session.principal), canonical(taskArgs(task))];
    const own = { session: session.id, principal, tool: TASK, args };
    const call = { ...own, pin: digestOf(TASK), policy, label: session.label };
    const why = { because: clauses[0].clause, clauses, sentence: taskSentence(principal, task) };
    const question = this.#asking.asked(call, why);
    const { id, request, binding } = question;
    session.task = { question: id, policy, untilMs: binding.expiresAtMs };
    store.transaction(() => {
      store.questions.insert(question);
      const entry = { kind: "question", session: session.id, principal, subject: TASK, request } as const;
      store.ledger.append({ ...entry, facts: { question: id, policy }, text: args });
    });
    return id;
  }

  #open(session: Session): Question | null {
    const question = session.task === null ? null : this.#parts.store.questions.get(session.task.question);
    return question?.state === "open" && !isExpired(question, this.#parts.clock.nowMs()) ? question : null;
  }

  /** A call that the open question about its task names waits for that one. */
  async join(one: Case): Promise<DoorAnswer | null> {
    const question = this.#open(one.session);
    const task = question === null ? null : taskIn(question);
    if (question === null || task === null) return null;
    const named = [...Object.keys(task.outline ?? {}), ...task.calls.map(({ tool }) => tool)];
    return named.includes(one.request.tool) ? this.#asking.wait(one, question) : null;
  }

  /** Answers why nothing was agreed; null when it was. */
  agree(question: Question, askedAs: string): string | null {
    const { binding } = question;
    const session = this.#parts.sessions.open(binding.session, principalFrom(binding.principal));
    const { digest, cards } = this.#parts.policy();
    const task = taskIn(question);
    if (task === null || session.task?.question !== askedAs) return "the conversation went on, and nothing was agreed";
    if (digest !== binding.policy) return "the policy changed, and nothing was agreed";
    const spent = this.#parts.store.questions.apply(question.id, { kind: "spend" });
    if (spent.kind === "refused") return spent.reason;
    agree(session.provenance, task, { question: question.id, cardOf: (tool) => cards.get(tool) ?? null });
    return null;
  }
}

function taskIn({ binding }: Question): Task | null {
  const args = objectFrom(binding.args);
  return args === null ? null : taskFrom(args);
}
