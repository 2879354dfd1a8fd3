// The loop: the owner's words to the door, then model and calls in turn until the model stops or a limit does. Each
// step is kept before the next one begins, so that a conversation goes on after a kill where it was.

import { oneLine, type ModelAnswer, type ModelCall } from "../kernel/index.ts";
import { answerText, meantBy, perform, type Done, type Meant } from "./calls.ts";
import { contextOf } from "./context.ts";
import { outlineOf } from "./outline.ts";
import type { AgentParts, Asked, Receipt } from "./parts.ts";
import { openProgress, type Progress } from "./progress.ts";
import { systemText } from "./prompt.ts";
import { calledSince, cutOff, isUnfinished, openQuestions } from "./turns.ts";

export interface Agent {
  say(text: string, asked: Asked): Promise<Receipt>;
  /** Goes on with what a kill cut off; null where nothing is unfinished. */
  goOn(asked: Asked): Promise<Receipt | null>;
  /** One of the agent's own tools by the owner's hand, as they typed it. Nothing is kept, and no model hears of it. */
  command(command: { readonly line: string; readonly call: ModelCall }, asked: Asked): Promise<Done>;
}

const CUT_OFF = "Freehold ended in the middle of this call. It may or may not have happened. Do not repeat an effect.";
const NUDGE = "Your answer was empty. Answer, or call a tool.";
const ROOM_SMALLER = 0.5;
const TOO_LONG_MAX = 2;

/** One task under way. */
interface Task extends Asked {
  readonly progress: Progress;
  /** The owner's words; null while they have an outline or are nobody's. */
  message: string | null;
  contextChars: number;
  tooLong: number;
  nudged: boolean;
  leftOut: string | null;
}

type Answered = Extract<ModelAnswer, { kind: "answered" }>;

export function openAgent(parts: AgentParts): Agent {
  const { transcript } = parts;

  function begin(message: string | null, asked: Asked): Task {
    const progress = openProgress(parts.limits);
    const contextChars = parts.limits.contextCharsMax;
    return { ...asked, progress, message, contextChars, tooLong: 0, nudged: false, leftOut: null };
  }

  return {
    async say(text, asked) {
      repair(parts);
      await tellNews(parts);
      transcript.append({ kind: "said", text: text.toWellFormed(), isOwners: asked.hear !== null });
      asked.hear?.({ message: text, outline: null, foreseen: [] });
      return run(parts, begin(asked.hear === null ? null : text, asked));
    },
    command({ line, call }, asked) {
      asked.hear?.({ message: line, outline: null, foreseen: [] });
      return perform(parts, meantBy(parts, call), asked);
    },
    async goOn(asked) {
      if (!isUnfinished(transcript.read())) return null;
      // An effect may have happened, so the owner's words are not good for it a second time.
      const mayHaveActed = calledSince(transcript.read()).some((call) => meantBy(parts, call).kind === "call");
      repair(parts);
      await tellNews(parts);
      const said = transcript.read().findLast((turn) => turn.kind === "said");
      const message = said?.kind === "said" && said.isOwners && !mayHaveActed && asked.hear !== null ? said.text : null;
      if (message !== null) asked.hear?.({ message, outline: null, foreseen: [] });
      return run(parts, begin(message, asked));
    },
  };
}

/** Calls that a kill cut off get a result that says so. */
function repair({ transcript }: AgentParts): void {
  const calls = cutOff(transcript.read());
  for (const { id } of calls) transcript.append({ kind: "result", call: id, text: CUT_OFF, question: null });
}

/** What became of questions that were open, before the next request to a model. */
async function tellNews(parts: AgentParts): Promise<void> {
  const { door, transcript, session, principal } = parts;
  for (const question of openQuestions(transcript.read())) {
    const answer = await door.result(question, { session, principal });
    if (answer.kind === "waiting") continue;
    transcript.append({ kind: "news", text: `Question ${question}: ${answerText(parts, answer)}`, question });
  }
}

async function run(parts: AgentParts, task: Task): Promise<Receipt> {
  const receipt = await steps(parts, task);
  parts.transcript.append({ kind: "ended", receipt });
  task.onEvent({ kind: "ended", receipt });
  return receipt;
}

async function steps(parts: AgentParts, task: Task): Promise<Receipt> {
  const { progress } = task;
  for (;;) {
    if (task.signal.aborted) return progress.receipt("cancelled", "you cancelled it");
    if (!progress.mayThink()) {
      return progress.receipt(
        "limit",
        `${parts.limits.modelCallsMax} requests to a model are as many as one task may make`,
      );
    }
    const answer = await think(parts, task);
    if (answer === null) continue;
    if ("why" in answer) return answer;
    const ended = await follow(parts, task, answer);
    if (ended !== null) return ended;
    await tellNews(parts);
  }
}

/** Null: it is to be asked again, with less. */
async function think(parts: AgentParts, task: Task): Promise<Answered | Receipt | null> {
  const { door, session, principal, transcript } = parts;
  const { progress, signal } = task;
  const context = contextOf(systemText(parts), transcript.read(), task.contextChars);
  if (context === null) return progress.receipt("refused", "your message is longer than a model may be sent");
  if (context.leftOut !== null && context.leftOut !== task.leftOut) {
    task.leftOut = context.leftOut;
    task.onEvent({ kind: "note", text: `left out of what the model reads: ${context.leftOut}` });
  }
  const { body, sources } = context;
  const answer = await door.think({
    session,
    principal,
    model: null,
    dialect: "openai-chat",
    body,
    sources,
    signal,
    onEvent: (event) => void (event.kind === "text" && task.onEvent({ kind: "text", text: event.text })),
  });
  if (answer.kind === "answered") {
    progress.thought(answer, parts.billOf(answer.request));
    return answer;
  }
  if (answer.why === "too-long" && task.tooLong < TOO_LONG_MAX) {
    task.tooLong += 1;
    task.contextChars = Math.floor(task.contextChars * ROOM_SMALLER);
    return null;
  }
  const isGone = answer.why === "gone" || signal.aborted;
  return progress.receipt(isGone ? "cancelled" : "refused", isGone ? "you cancelled it" : refusalText(answer));
}

function refusalText({ why, reason }: Extract<ModelAnswer, { kind: "refused" }>): string {
  switch (why) {
    case "no-model":
      return "no model is declared: slash commands work without one, and freehold model add brings one";
    case "flow":
      return `no model may read this conversation: ${reason}`;
    case "stopped":
    case "budget":
    case "malformed":
    case "too-long":
    case "failed":
    case "gone":
      return reason;
  }
}

/** Does what the model asked for; a receipt where that was the end. */
async function follow(parts: AgentParts, task: Task, answer: Answered): Promise<Receipt | null> {
  const { transcript } = parts;
  const { progress } = task;
  const calls = withIds(answer);
  const text = cut(answer.text, ANSWER_CHARS_MAX);
  transcript.append({ kind: "answered", text, calls, model: answer.model, request: answer.request });
  if (calls.length === 0) return withoutCalls(parts, task, answer);
  const meant = calls.map((call) => meantBy(parts, call));
  fixOutline(parts, task, meant);
  for (const [at, call] of calls.entries()) {
    const one = meant[at];
    if (one === undefined) break;
    const isLate = task.signal.aborted;
    const done = isLate ? null : await perform(parts, one, task);
    const said = (done?.text ?? "Cancelled before it was made.").toWellFormed();
    transcript.append({ kind: "result", call: call.id, text: said, question: done?.question ?? null });
    if (done === null) continue;
    if (done.modelRequest !== null) progress.helped(parts.billOf(done.modelRequest));
    if (one.kind === "call") progress.called();
    if (progress.isStuck(call, said)) {
      endCalls(parts, calls.slice(at + 1));
      return progress.receipt("looping", `it made the same call of ${oneLine(call.name, 80)} again and again`);
    }
  }
  return null;
}

function withoutCalls({ transcript }: AgentParts, task: Task, { text, end }: Answered): Receipt | null {
  const { progress } = task;
  if (text.trim() !== "") {
    const reason = end === "length" ? "the answer was cut off at the model's limit" : "";
    return progress.receipt("done", reason);
  }
  if (task.nudged) return progress.receipt("silent", "the model said nothing, twice");
  task.nudged = true;
  transcript.append({ kind: "news", text: NUDGE, question: null });
  return null;
}

/** The door takes it only while the conversation has read nothing of strangers. */
function fixOutline({ toolbox }: AgentParts, task: Task, meant: readonly Meant[]): void {
  if (task.message === null || task.hear === null || !meant.some(({ kind }) => kind === "call")) return;
  const { counts, foreseen } = outlineOf(toolbox, meant);
  const question = task.hear({ message: task.message, outline: counts, foreseen });
  task.message = null;
  if (question !== null) task.onEvent({ kind: "question", question });
}

function endCalls({ transcript }: AgentParts, calls: readonly ModelCall[]): void {
  for (const { id } of calls) transcript.append({ kind: "result", call: id, text: "Not made.", question: null });
}

/** Some models give no ids, or the same to all. What is longer than any call is no JSON any more, and told so. */
function withIds({ calls, request }: Answered): readonly ModelCall[] {
  const seen = new Set<string>();
  return calls.slice(0, CALLS_AT_ONCE_MAX).map((call, at) => {
    const isOwn = call.id !== "" && call.id.length <= NAME_CHARS_MAX && !seen.has(call.id);
    const id = isOwn ? cut(call.id, NAME_CHARS_MAX) : `${request}-${at}`;
    seen.add(id);
    return { id, name: cut(call.name, NAME_CHARS_MAX), args: cut(call.args, ANSWER_CHARS_MAX) };
  });
}

function cut(text: string, charsMax: number): string {
  return text.slice(0, charsMax).toWellFormed();
}

/** A model may ignore its limit, and what it says is kept. */
const ANSWER_CHARS_MAX = 500_000;
const NAME_CHARS_MAX = 200;

const CALLS_AT_ONCE_MAX = 16;
