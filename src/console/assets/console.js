// Renews the page when something happened. Without it everything works; pages then renew every half minute.
"use strict";
(() => {
  const RENEW_AFTER_MS = 150;
  const SETTLE_MS = 700;
  const RETRY_MS = 30_000;
  const $ = (id) => document.getElementById(id);
  let timer;
  let isMissed = false;

  const isTyping = () => document.activeElement?.matches("main input:not([type=hidden]), main textarea") ?? false;

  async function renew() {
    if (document.hidden || isTyping()) return void (isMissed = true);
    isMissed = false;
    const response = await fetch(location.href, { headers: { "x-freehold-renew": "1" } });
    if (response.redirected) return location.reload();
    if (!response.ok) return;
    const next = new DOMParser().parseFromString(await response.text(), "text/html");
    const [main, old] = [next.getElementById("main"), $("main")];
    if (!main?.hasAttribute("data-live") || isTyping()) return;
    const withoutTimes = (node) => node.innerHTML.replace(/<time.*?<\/time>|name="csrf"[^>]*/g, "");
    if (withoutTimes(main) === withoutTimes(old)) return;
    keepPlace(old, main);
    // A card that moves under a finger must not be answered by it.
    main.classList.add("settling");
    setTimeout(() => main.classList.remove("settling"), SETTLE_MS);
    const focused = old.contains(document.activeElement) ? document.activeElement.id : "";
    old.replaceWith(main);
    if (focused) $(focused)?.focus();
    $("nav")?.replaceWith(next.getElementById("nav") ?? "");
    document.title = next.title;
    const waiting = main.dataset.waiting;
    if (waiting !== old.dataset.waiting)
      $("said").textContent = waiting === "0" ? "Nothing waits" : `${waiting} waiting`;
  }

  function keepPlace(old, main) {
    for (const now of main.querySelectorAll("[id]")) {
      const before = old.querySelector(`#${CSS.escape(now.id)}`);
      if (before?.open) now.open = true;
      const top = before?.scrollTop;
      if (top) requestAnimationFrame(() => (now.scrollTop = top));
    }
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(() => void renew().catch(() => {}), RENEW_AFTER_MS);
  }

  function listen() {
    const events = new EventSource("/live");
    events.addEventListener("change", soon);
    // After a gap something may have been missed.
    events.addEventListener("hello", soon);
    events.onerror = () => {
      if (events.readyState !== EventSource.CLOSED) return;
      soon();
      setTimeout(listen, RETRY_MS);
    };
  }

  document.addEventListener("visibilitychange", () => !document.hidden && isMissed && soon());
  document.addEventListener("focusout", () => isMissed && soon());
  if ($("main").hasAttribute("data-live")) listen();
})();
