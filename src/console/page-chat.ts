// Conversations with the agent: the list of them, and one with what was said, called and asked in it.

import { isObject, parseStrict, type JsonObject } from "../kernel/index.ts";
import { exactText } from "./exact.ts";
import { html, NOTHING, type Markup } from "./html.ts";
import { ago, csrfField, type Frame, type Page } from "./page.ts";
import { listOf, numberOf, textOf } from "./reading.ts";

const TITLE_MAX = 120;
const WORDS_MAX = 8_000;
/** Older turns are kept, and the command line shows them. */
const TURNS_SHOWN_MAX = 200;
const ARGS_SHOWN_MAX = 300;

export interface ChatsView {
  readonly chats: readonly JsonObject[];
  readonly compartments: readonly string[];
}

export function chatsPage({ chats, compartments }: ChatsView, frame: Frame): Page {
  const body = html`<h1>Chat</h1>
    <form class="panel say" method="post" action="/chat">
      ${csrfField(frame)}
      <label for="text">Begin a conversation</label>
      <textarea id="text" name="text" rows="3" maxlength="${WORDS_MAX}" required></textarea>
      <div class="say-row">
        ${
          compartments.length > 1 &&
          html`<label class="unseen" for="compartment">Part of your life</label>
            <select id="compartment" name="compartment">
              ${compartments.map((name) => html`<option>${name}</option>`)}
            </select>`
        }
        <button class="button button-yes">Say</button>
      </div>
    </form>
    ${
      chats.length === 0
        ? html`<p class="quiet">What you say here is heard by the door before any model reads it.</p>`
        : html`<ol class="entries">
            ${chats.map((chat) => chatRow(chat, frame))}
          </ol>`
    }`;
  return { title: "Chat", at: "chat", isLive: false, body };
}

function chatRow(chat: JsonObject, frame: Frame): Markup {
  const title = textOf(chat, "title").slice(0, TITLE_MAX);
  return html`<li class="entry">
    <span class="dot ${chat["isUnfinished"] === true ? "dot-ask" : "dot-plain"}"></span>
    <span class="entry-what">
      <a href="/chat/${encodeURIComponent(textOf(chat, "session"))}">
        ${title === "" ? html`<em>nothing said yet</em>` : exactText(title)}
      </a>
      <span class="quiet">
        ${textOf(chat, "compartment")}${chat["isUnfinished"] === true && html` · cut off or under way`}
      </span>
    </span>
    <span class="entry-when quiet">${ago(numberOf(chat, "lastAtMs"), frame.nowMs)}</span>
  </li>`;
}

export interface ChatView {
  readonly state: JsonObject;
  readonly turns: readonly JsonObject[];
}

export function chatPage({ state, turns }: ChatView, frame: Frame): Page {
  const session = textOf(state, "session");
  const isRunning = state["isRunning"] === true;
  const shown = turns.slice(-TURNS_SHOWN_MAX);
  const body = html`<h1>${textOf(state, "compartment")}</h1>
    <p class="quiet chat-facts">It has read ${textOf(state, "label")}. ${costWords(state)}</p>
    ${state["hasModel"] !== true && noModel()}
    ${shown.length < turns.length && html`<p class="quiet">${turns.length - shown.length} earlier turns.</p>`}
    <ol class="turns" id="turns">
      ${shown.map(turnRow)} ${isRunning && workingRow(frame)}
    </ol>
    ${isRunning ? cancelForm(session, frame) : sayForm(state, frame)}
    <p class="quiet"><a href="/chat">All conversations</a></p>`;
  return { title: "Chat", at: "chat", isLive: true, body };
}

/** What it works on may be waiting for the owner. */
function workingRow({ head }: Frame): Markup {
  const waits =
    head !== null && head.waiting > 0 && html` It may wait for you: <a href="/">the inbox</a> has ${head.waiting}.`;
  return html`<li class="turn turn-note"><p class="quiet" role="status">Working…${waits}</p></li>`;
}

function noModel(): Markup {
  return html`<p class="news">
    No model is declared, so nobody answers here. <code>freehold chat</code> has commands that need none.
  </p>`;
}

function costWords(state: JsonObject): string {
  const cost = typeof state["costToday"] === "number" ? state["costToday"] : 0;
  return `${cost === 0 ? "0" : cost.toFixed(cost < 0.01 ? 4 : 2)} ${textOf(state, "currency")} today.`;
}

function turnRow(turn: JsonObject): Markup {
  switch (turn["kind"]) {
    case "said":
      return html`<li class="turn turn-said">${textBlock(textOf(turn, "text"))}</li>`;
    case "answered":
      return answeredRow(turn);
    case "result":
      return html`<li class="turn turn-note">
        <details>
          <summary>result, ${textOf(turn, "text").length} characters</summary>
          ${textBlock(textOf(turn, "text"))}
        </details>
      </li>`;
    case "news":
      return html`<li class="turn turn-note">${textBlock(textOf(turn, "text"))}</li>`;
    case "ended":
      return endedRow(turn);
    default:
      return NOTHING;
  }
}

function answeredRow(turn: JsonObject): Markup {
  const text = textOf(turn, "text");
  const calls = listOf(turn, "calls");
  const why = textOf(turn, "request");
  return html`<li class="turn turn-answered">
    ${text !== "" && textBlock(text)}
    ${text === "" && calls.length === 0 && html`<p class="quiet">It said nothing.</p>`}
    ${calls.map(
      (call) =>
        html`<p class="turn-call">
          <code>${exactText(callWords(call))}</code>
        </p>`,
    )}
    <p class="quiet">${textOf(turn, "model")} · <a href="/why/${encodeURIComponent(why)}">receipt</a></p>
  </li>`;
}

/** `call` is a tool of the agent's; what it calls by it is what matters. Text that does not read is shown as it is. */
function callWords(call: JsonObject): string {
  const [name, text] = [textOf(call, "name"), textOf(call, "args")];
  const read = name === "call" ? parseStrict(text) : null;
  const meant = read?.kind === "value" && isObject(read.value) ? read.value : null;
  const tool = meant === null ? "" : textOf(meant, "tool");
  if (meant === null || tool === "") return `${name} ${text.slice(0, ARGS_SHOWN_MAX)}`;
  const { tool: _tool, args, ...rest } = meant;
  const more = Object.keys(rest).length === 0 ? "" : ` ${JSON.stringify(rest)}`;
  return `${tool.replace("__", ".")} ${`${JSON.stringify(args ?? {})}${more}`.slice(0, ARGS_SHOWN_MAX)}`;
}

function endedRow(turn: JsonObject): Markup {
  const receipt = isObject(turn["receipt"]) ? turn["receipt"] : {};
  if (textOf(receipt, "why") === "done") return NOTHING;
  const reason = textOf(receipt, "reason");
  return html`<li class="turn turn-note"><p class="warn">Ended: ${exactText(reason)}</p></li>`;
}

/** A model's text and a stranger's: hidden characters are spelled out, line by line. */
function textBlock(text: string): Markup {
  return html`<p class="turn-text">${text.split("\n").map((line) => html`${exactText(line)}<br />`)}</p>`;
}

function sayForm(state: JsonObject, frame: Frame): Markup {
  const action = `/chat/${encodeURIComponent(textOf(state, "session"))}`;
  return html`<form class="panel say" method="post" action="${action}">
      ${csrfField(frame)} <input type="hidden" name="do" value="say" />
      <label class="unseen" for="text">Your words</label>
      <textarea id="text" name="text" rows="3" maxlength="${WORDS_MAX}" placeholder="Your words" required></textarea>
      <div class="say-row"><button class="button button-yes">Say</button></div>
    </form>
    ${
      state["isUnfinished"] === true &&
      html`<form method="post" action="${action}">
        ${csrfField(frame)} <input type="hidden" name="do" value="goOn" />
        <p class="quiet">The last turn was cut off. <button class="button">Go on with it</button></p>
      </form>`
    }`;
}

function cancelForm(session: string, frame: Frame): Markup {
  return html`<form method="post" action="/chat/${encodeURIComponent(session)}">
    ${csrfField(frame)} <input type="hidden" name="do" value="cancel" />
    <button class="button">Cancel this turn</button>
  </form>`;
}
