// Keeps the page up to date without a flicker: it fetches the same address now
// and then and replaces those parts, marked data-live, that have changed.
// Everything works without it; then the page is as old as its loading.
(() => {
  "use strict";
  const least = 5000; // milliseconds between two fetches
  const status = document.getElementById("live");
  let lastGood = Date.now();
  let busy = false;
  let timer = 0;

  const say = (text, bad) => {
    if (status.textContent !== text) status.textContent = text;
    status.classList.toggle("bad", bad);
  };

  // address is what tells one link or field of a part from another.
  const address = (e) => e.id ? "#" + CSS.escape(e.id) : e.hasAttribute("href") ? `a[href="${CSS.escape(e.getAttribute("href"))}"]` : "";

  const replace = (old, fresh) => {
    if (old.innerHTML === fresh.innerHTML) return;
    const selection = document.getSelection();
    if (selection && !selection.isCollapsed && old.contains(selection.anchorNode)) return; // someone is copying
    const focused = old.contains(document.activeElement) ? address(document.activeElement) : "";
    old.replaceChildren(...document.importNode(fresh, true).childNodes);
    prepare(old);
    if (focused) old.querySelector(focused)?.focus({ preventScroll: true });
  };

  const refresh = async () => {
    // The header says that nobody asked: a page that is open keeps no session alive.
    const answer = await fetch(location.href, { cache: "no-cache", redirect: "manual", headers: { "X-Rollcall-Refresh": "1" } });
    if (answer.type === "opaqueredirect") location.reload(); // to the login
    if (!answer.ok) throw new Error(answer.status);
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const main = fresh.getElementById("main");
    if (!main || !fresh.getElementById("live")) throw new Error("another page");
    const parts = (root) => [...root.querySelectorAll("[data-live]")];
    const now = parts(document), next = parts(main);
    const names = (list) => list.map((e) => e.dataset.live).join();
    if (names(now) === names(next)) now.forEach((e, i) => replace(e, next[i]));
    else if (!document.activeElement?.closest("#main form")) {
      // Other parts than before, such as after the first report: all is new.
      const old = document.getElementById("main");
      old.replaceChildren(...document.importNode(main, true).childNodes);
      prepare(old);
    }
  };

  const tick = async () => {
    clearTimeout(timer);
    if (busy || document.hidden) return; // goes on when it is shown again
    busy = true;
    const begun = Date.now();
    try {
      await refresh();
      lastGood = Date.now();
      say("Refreshes by itself", false);
    } catch {
      const since = new Date(lastGood).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
      say(`No answer from the collector: this is as of ${since}`, true);
    } finally {
      busy = false;
      // A page that is much work for the collector is asked for less often.
      timer = setTimeout(tick, Math.max(least, 10 * (Date.now() - begun)));
    }
  };

  // prepare gives life to what only a script can do.
  const prepare = (root) => {
    for (const b of root.querySelectorAll("[data-print]")) {
      b.hidden = false;
      b.addEventListener("click", () => print());
    }
    for (const b of root.querySelectorAll("[data-copy]")) {
      if (!navigator.clipboard) continue; // only over HTTPS or on this machine
      b.hidden = false;
      b.addEventListener("click", async () => {
        if (!b.form.reportValidity()) return; // it says what is missing
        try {
          const answer = await fetch(`${b.form.action}?${new URLSearchParams(new FormData(b.form))}`);
          if (!answer.ok) throw new Error(answer.status);
          await navigator.clipboard.writeText(await answer.text());
          say("Copied", false);
        } catch {
          say("Not copied: open it as plain text instead", true);
        }
      });
    }
  };

  prepare(document);
  if (document.querySelector("[data-live]")) {
    document.addEventListener("visibilitychange", () => { if (!document.hidden) tick(); });
    say("Refreshes by itself", false);
    timer = setTimeout(tick, least);
  }
})();
