// What was done: the ledger's tail, newest first, and the story of one request.

import { canonical, revealJson, type JsonObject } from "../kernel/index.ts";
import { argumentList, argumentsOf, countOf, exactText } from "./exact.ts";
import { html, type Markup } from "./html.ts";
import { ago, csrfField, type Frame, type Page } from "./page.ts";
import { clauseWords, textOf, textsOf, type EntryView, type UndoView } from "./reading.ts";

export const ENTRIES_PER_PAGE = 60;

export interface Activity {
  /** Newest first. */
  readonly entries: readonly EntryView[];
  /** The request, question or entry that the list is narrowed to; empty for all. */
  readonly filter: string;
  /** Entries before this number follow on the next page; null on the last. */
  readonly olderThan: number | null;
  readonly fault: string;
}

type Tone = "good" | "ask" | "bad" | "plain";

/** What an entry means to its owner. The words of ENTRY_KINDS in the kernel, in the past tense. */
const KINDS: Readonly<Record<string, readonly [words: string, tone: Tone]>> = {
  start: ["Freehold started", "plain"],
  stop: ["Everything was stopped", "bad"],
  resume: ["Resumed", "good"],
  session: ["A conversation began", "plain"],
  label: ["A conversation read something new", "plain"],
  denied: ["Denied", "bad"],
  question: ["You were asked", "ask"],
  hold: ["Allowed and held", "ask"],
  answer: ["You answered", "ask"],
  intent: ["Let through", "good"],
  outcome: ["Ended", "plain"],
  lost: ["A read was lost", "plain"],
  unknown: ["May or may not have happened", "bad"],
  connection: ["Connection", "plain"],
  masked: ["The value of a secret was taken out of an answer", "bad"],
  owner: ["Owner", "plain"],
  change: ["Changed", "plain"],
  client: ["Client", "plain"],
  forget: ["Forgotten", "plain"],
};

export function activityPage(activity: Activity, frame: Frame): Page {
  const { entries, filter } = activity;
  const body = html`<h1>Activity</h1>
    <form class="filter" method="get" action="/activity" role="search">
      <label class="unseen" for="request">Request, question or entry</label>
      <input
        id="request"
        name="request"
        type="search"
        value="${filter}"
        maxlength="80"
        placeholder="request or question"
        autocomplete="off"
      />
      <button class="button">Show</button>${filter !== "" && html` <a class="button" href="/activity">All</a>`}
    </form>
    ${activity.fault !== "" && html`<p class="warn" role="alert">${activity.fault}</p>`}
    ${
      entries.length === 0
        ? html`<p class="quiet">Nothing yet.</p>`
        : html`<ol class="entries">
            ${entries.map((entry) => entryRow(entry, frame))}
          </ol>`
    }
    ${activity.olderThan !== null && olderLink(activity.olderThan)}`;
  return { title: "Activity", at: "activity", isLive: true, body };
}

function olderLink(before: number): Markup {
  return html`<p class="more"><a class="button" href="/activity?before=${before}">Older</a></p>`;
}

function questionLink(id: string): Markup {
  return html`<p class="more">
    <a href="/q/${encodeURIComponent(id)}">The question you were asked (${id})</a>
  </p>`;
}

function entryRow(entry: EntryView, frame: Frame): Markup {
  const [words, tone] = wordsOf(entry);
  return html`<li>
    <a class="entry" href="/why/${encodeURIComponent(entry.request ?? String(entry.seq))}">
      <span class="dot dot-${tone}" aria-hidden="true"></span>
      <span class="entry-what"
        ><strong>${words}</strong> ${exactText(entry.subject)} <span class="quiet">${detailOf(entry)}</span></span
      >
      <span class="entry-when">${ago(entry.atMs, frame.nowMs)}<br />#${entry.seq}</span>
    </a>
  </li>`;
}

function wordsOf(entry: EntryView): readonly [string, Tone] {
  const known = KINDS[entry.kind] ?? [entry.kind, "plain"];
  if (entry.kind === "connection" && entry.facts["allowed"] === false) return ["Connection refused", "bad"];
  if (entry.kind === "answer" && entry.principal === "") return ["Cancelled while held", "plain"];
  if (entry.kind === "answer") return [`You answered ${textOf(entry.facts, "answer")}`, "ask"];
  return known;
}

function detailOf(entry: EntryView): Markup {
  const because = textOf(entry.facts, "because");
  const isPlain = entry.kind === "intent" || entry.kind === "answer";
  const why = because === "" || isPlain ? "" : `${clauseWords(because)} (${because})`;
  const who = entry.principal === "owner" ? "" : entry.principal.replace(/^client:/, "");
  const parts = [who, why, textOf(entry.facts, "reply")];
  return exactText(parts.filter((part) => part !== "").join(" · "));
}

export interface Why {
  readonly id: string;
  readonly answer: JsonObject;
  readonly entries: readonly EntryView[];
  /** Null where nothing takes it back. */
  readonly undo: UndoView | null;
}

export function whyPage(why: Why, frame: Frame): Page {
  const { answer, entries } = why;
  const lines = textsOf(answer, "lines");
  const question = textOf(answer, "question");
  const request = textOf(answer, "request");
  const subject = entries.find((entry) => entry.kind !== "session")?.subject ?? why.id;
  const body = html`<p class="meta">
      <a href="/activity">Activity</a>${request !== "" && html` <span>${exactText(request)}</span>`}
    </p>
    <h1 class="sentence">${exactText(subject)}</h1>
    <ol class="story">
      ${lines.map((line, index) => storyLine(line, entries[index], frame))}
    </ol>
    ${question !== "" && questionLink(question)} ${why.undo !== null && undoPanel(why.undo, frame)}
    <p class="quiet">The same on a terminal: <code>freehold why ${exactText(why.id)}</code></p>`;
  return { title: "Why", at: "activity", isLive: false, body };
}

/** What is shown is what runs: the digest says which call the owner saw. */
function undoPanel(undo: UndoView, frame: Frame): Markup {
  if (undo.gone !== "") return html`<p class="quiet">Its undo is gone: ${exactText(undo.gone)}.</p>`;
  const args = argumentsOf(undo.args, new Map());
  return html`<form class="panel" method="post" action="/undo">
    ${csrfField(frame)}<input type="hidden" name="id" value="${undo.request}" />
    <input type="hidden" name="digest" value="${undo.digest}" />
    <h2>Undo it</h2>
    <p>Its card takes it back by calling ${exactText(undo.tool)}, once, with exactly this:</p>
    ${argumentList(args ?? [], { prefix: "undo", lengthMax: Infinity })}
    <button class="button">Undo</button>
  </form>`;
}

function storyLine(line: string, entry: EntryView | undefined, frame: Frame): Markup {
  if (entry === undefined) return html`<li><p>${exactText(line)}</p></li>`;
  const [, tone] = wordsOf(entry);
  return html`<li>
    <span class="dot dot-${tone}" aria-hidden="true"></span>
    <div>
      <p>${exactText(line)}</p>
      <p class="quiet">${ago(entry.atMs, frame.nowMs)} · entry ${entry.seq}</p>
      <details id="e-${entry.seq}">
        <summary>Details</summary>
        ${
          entry.text !== null &&
          html`<p class="quiet">Text kept with it, ${countOf(entry.text)}:</p>
            <pre class="box" tabindex="0" role="region" aria-label="text of entry ${entry.seq}">
${exactText(entry.text)}</pre>`
        }
        <p class="quiet">Facts in the chain:</p>
        <pre class="box" tabindex="0" role="region" aria-label="facts of entry ${entry.seq}">
${revealJson(canonical(entry.facts))}</pre>
      </details>
    </div>
  </li>`;
}
