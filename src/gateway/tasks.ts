// One question for what a request of the owner's will need: its outline, and calls that are foreseen before it reads.
// Invariants: the yes acts on nothing; it holds for the request, the policy and the words that it was asked under.

import {
  agree,
  CALLS_MAX,
  canonical,
  digestOf,
  isExpired,
  isObject,
  parseStrict,
  principalFrom,
  principalText,
  propose,
  TASK,
  taskArgs,
  taskFrom,
  type ClauseAnswer,
  type DoorAnswer,
  type ForeseenCall,
  type Label,
  type Question,
  type Task,
} from "../kernel/index.ts";
import { inOrder, look, type Case, type DoorParts } from "./case.ts";
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

/** What a call would meet once something was read. */
const STRANGERS: Label = { compartments: [], integrity: "third-party", secret: false };
const WAITS = { clause: "C4", answer: "ask", reason: "the outline waits for your yes" } as const;

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

  /** Called once for each request. Null where the outline needs no yes and fewer than two calls would ask. */
  ask(session: Session, foreseen: readonly ForeseenCall[]): string | null {
    const { store } = this.#parts;
    const before = this.#open(session);
    session.task = null;
    if (before !== null) this.#asking.ended(before, "a newer message came");
    const { stack, digest: policy } = this.#parts.policy();
    if (stack.outline === "confirm") propose(session.provenance);
    const { task, clauses } = this.#taskOf(session, foreseen);
    const [first] = clauses;
    if (first === undefined || (task.outline === null && task.calls.length < 2)) return null;
    const principal = principalText(session.principal);
    const args = canonical(taskArgs(task));
    const call = {
      session: session.id,
      principal,
      tool: TASK,
      args,
      pin: digestOf(TASK),
      policy,
      label: session.label,
    };
    const why = { because: first.clause, clauses, sentence: taskSentence(principal, task) };
    const question = this.#asking.asked(call, why);
    session.task = { question: question.id, policy, untilMs: question.binding.expiresAtMs };
    const { id, request } = question;
    store.transaction(() => {
      store.questions.insert(question);
      const entry = { kind: "question", session: session.id, principal, subject: TASK, request } as const;
      store.ledger.append({ ...entry, facts: { question: id, policy }, text: args });
    });
    return id;
  }

  #taskOf(session: Session, foreseen: readonly ForeseenCall[]): { task: Task; clauses: readonly ClauseAnswer[] } {
    const { proposed } = session.provenance;
    const outline = proposed === null || proposed.size === 0 ? null : Object.fromEntries(proposed);
    const asked = foreseen
      .slice(0, CALLS_MAX)
      .map(({ tool, args, open }) => ({
        call: { tool, args, open },
        asks: this.#asksOf(session, { tool, args, open }),
      }))
      .filter(({ call, asks }) => asks.length > 0 || call.open.length > 0);
    const all = [...(outline === null ? [] : [WAITS]), ...asked.flatMap(({ asks }) => asks)];
    const clauses = [...new Map(all.map((each) => [each.clause + each.reason, each])).values()];
    return { task: { outline, calls: asked.map(({ call }) => call) }, clauses };
  }

  /** What a complete call would ask after a stranger's text; nothing where a yes to it could not answer all of it. */
  #asksOf({ id, principal }: Session, { tool, args, open }: ForeseenCall): readonly ClauseAnswer[] {
    if (open.length > 0) return [];
    const request = { session: id, principal, tool, args: inOrder(args) };
    const { decision } = look(this.#parts, request, { id: "", stopped: false, handles: STRANGERS });
    const asks = decision.clauses.filter((each) => each.answer === "ask");
    return decision.kind === "ask" && asks.every(({ clause }) => clause > "C2") ? asks : [];
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
    const isNamed = [...Object.keys(task.outline ?? {}), ...task.calls.map(({ tool }) => tool)].includes(
      one.request.tool,
    );
    return isNamed ? this.#asking.wait(one, question) : null;
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
  const parsed = parseStrict(binding.args);
  return parsed.kind === "value" && isObject(parsed.value) ? taskFrom(parsed.value) : null;
}
