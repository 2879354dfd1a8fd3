// The way in: a link that a button uses up, then the owner's PIN or passphrase. And the page for everybody else.

import { html, type Markup } from "./html.ts";
import { csrfField, type Frame, type Page } from "./page.ts";

/** Prints a one-time link. */
export const LINK_COMMAND = "freehold link";

/** Looking at the link does not use it up: a preview of a message program may do that. Only the button does. */
export function linkPage(code: string, frame: Frame): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">Open your console</h1>
    <p>This link works once and only for a few minutes.</p>
    <form method="post" action="/login">
      ${csrfField(frame)}<input type="hidden" name="code" value="${code}" />
      <button class="button button-yes">Open</button>
    </form>
  </section>`;
  return { title: "Open your console", at: "", isLive: false, body };
}

export function noLinkPage(reason: string): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">You need a link</h1>
    ${reason !== "" && html`<p class="warn" role="alert">${reason}</p>`}
    <p>On the machine where Freehold runs, type</p>
    <pre class="command"><code>${LINK_COMMAND}</code></pre>
    <p>and open the address it prints. It works once.</p>
  </section>`;
  return { title: "You need a link", at: "", isLive: false, body };
}

export function choosePage(frame: Frame, fault: string): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">Choose a PIN or passphrase</h1>
    <p id="why">It proves that an answer comes from you and not from a program that runs in your name.</p>
    ${fault !== "" && html`<p class="warn" role="alert">${fault}</p>`}
    <form method="post" action="/login/choose">
      ${csrfField(frame)} ${userField()}
      <label for="secret">PIN or passphrase</label>
      <input
        id="secret"
        name="secret"
        type="password"
        autocomplete="new-password"
        maxlength="256"
        aria-describedby="why says"
        required
        autofocus
      />
      <p class="quiet" id="says">Six digits or more, or eight characters or more.</p>
      <label for="again">The same again</label>
      <input id="again" name="again" type="password" autocomplete="new-password" maxlength="256" required />
      <button class="button button-yes">Keep it</button>
    </form>
  </section>`;
  return { title: "Choose a PIN", at: "", isLive: false, body };
}

export function proofPage(frame: Frame, fault: string): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">Is it you?</h1>
    ${fault !== "" && html`<p class="warn" role="alert">${fault}</p>`}
    <form method="post" action="/login/proof">
      ${csrfField(frame)} ${userField()}
      <label for="secret">Your PIN or passphrase</label>
      <input
        id="secret"
        name="secret"
        type="password"
        autocomplete="current-password"
        maxlength="256"
        required
        autofocus
      />
      <button class="button button-yes">Enter</button>
    </form>
  </section>`;
  return { title: "Is it you?", at: "", isLive: false, body };
}

/** Password programs file a secret under a name. */
function userField(): Markup {
  return html`<input
    class="unseen"
    type="text"
    name="username"
    value="owner"
    autocomplete="username"
    tabindex="-1"
    aria-hidden="true"
    readonly
  />`;
}

export function messagePage(message: { readonly title: string; readonly text: string; readonly next: string }): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">${message.title}</h1>
    <p>${message.text}</p>
    ${message.next !== "" && html`<p class="quiet">Next: ${message.next}</p>`}
    <p><a class="button" href="/">Inbox</a></p>
  </section>`;
  return { title: message.title, at: "", isLive: false, body };
}

export function resumePage(frame: Frame): Page {
  const body = html`<section class="gate">
    <h1 class="sentence">${frame.head?.isStopped === true ? "Let things run again?" : "Nothing is stopped."}</h1>
    <p>Calls that were refused while stopped are not made up for. Questions that are still open stay open.</p>
    <form class="actions" method="post" action="/resume">
      ${csrfField(frame)} <button class="button button-yes">Resume</button> <a class="button" href="/">Not yet</a>
    </form>
  </section>`;
  return { title: "Resume", at: "", isLive: false, body };
}
