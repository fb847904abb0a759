// What the pages gain by a script; without it they show and do the same.
"use strict";

const zoned = new Intl.DateTimeFormat(undefined, {
  day: "numeric", month: "short", year: "numeric", hour: "2-digit", minute: "2-digit", second: "2-digit", hour12: false,
});

// Times in the reader's own zone; the title keeps UTC.
function showLocalTimes(within) {
  for (const time of within.querySelectorAll("time[datetime]")) {
    time.textContent = zoned.format(new Date(time.dateTime));
  }
}

// A button beside each id that copies the whole of it.
function addCopyButtons(within) {
  if (!navigator.clipboard) return;
  for (const code of within.querySelectorAll("[data-copy]:not([data-has-copy])")) {
    code.dataset.hasCopy = "";
    const button = document.createElement("button");
    button.type = "button";
    button.className = "copy";
    button.textContent = "Copy";
    button.setAttribute("aria-label", `Copy ${code.dataset.copy}`);
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText(code.dataset.copy);
      button.textContent = "Copied";
      setTimeout(() => { button.textContent = "Copy"; }, 1500);
    });
    code.after(" ", button);
  }
}

function improve(within) {
  showLocalTimes(within);
  addCopyButtons(within);
}

// A part of a page that is fetched again while somebody looks, unless they pause it.
function keepLive(part) {
  const pause = document.querySelector("[data-pause]");
  let paused = false;
  let before = "";
  if (pause) {
    pause.hidden = false;
    pause.addEventListener("click", () => {
      paused = !paused;
      pause.setAttribute("aria-pressed", String(paused));
      pause.textContent = paused ? "Updates are paused" : "Pause updates";
    });
  }
  const timer = setInterval(async () => {
    if (paused || document.hidden || part.contains(document.activeElement) || part.querySelector(".ask[open]")) return;
    try {
      const response = await fetch(part.dataset.live, { headers: { Accept: "text/html" } });
      if (response.redirected) { location.reload(); return; }
      if (!response.ok) return;
      const text = await response.text();
      if (text === before) return;
      before = text;
      const fetched = new DOMParser().parseFromString(text, "text/html");
      for (const swap of fetched.querySelectorAll("[data-swap]")) {
        const old = document.getElementById(swap.dataset.swap);
        if (old) old.replaceWith(...swap.children);
        swap.remove();
      }
      part.replaceChildren(...fetched.body.childNodes);
      improve(part);
      if (part.querySelector("[data-ended]")) clearInterval(timer);
    } catch { /* the server is away for a moment; the next turn asks again */ }
  }, Number(part.dataset.every || 5000));
}

// Sheets close with Escape and with a click elsewhere.
function closeSheets(event) {
  for (const sheet of document.querySelectorAll("details.ask[open]")) {
    if (event.type === "keydown" || !sheet.contains(event.target)) {
      sheet.open = false;
      if (event.type === "keydown") sheet.querySelector("summary").focus();
    }
  }
}

// One box chooses all rows; a sentence tells how many are chosen.
function chooseRows(form) {
  const all = form.querySelector("[data-choose-all]");
  const boxes = [...form.querySelectorAll('input[name="id"]')];
  const told = form.querySelector("[data-chosen]");
  const tell = () => {
    const chosen = boxes.filter((box) => box.checked).length;
    for (const box of boxes) box.closest("tr").classList.toggle("chosen", box.checked);
    if (told) told.textContent = chosen === 0 ? "None is chosen." : `${chosen} of ${boxes.length} on this page are chosen.`;
    for (const button of form.querySelectorAll("[data-needs-chosen]")) button.disabled = chosen === 0;
    if (all) { all.checked = chosen > 0 && chosen === boxes.length; all.indeterminate = chosen > 0 && chosen < boxes.length; }
  };
  if (all) {
    all.closest("th").hidden = false;
    form.querySelector("[data-without-script]").remove();
    all.addEventListener("change", () => { for (const box of boxes) box.checked = all.checked; tell(); });
  }
  form.addEventListener("change", tell);
  tell();
}

// Keys: g and a letter goes to a page, j and k walk through the rows, / searches. They can be switched off.
const SHORTCUTS = "sendoff-shortcuts";
let pending = "";

function walk(step) {
  const links = [...document.querySelectorAll("tbody a[data-row]")];
  if (links.length === 0) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + step))].focus();
}

function onKey(event) {
  if (event.key === "Escape") { closeSheets(event); return; }
  const field = event.target.closest("input, textarea, select, [contenteditable]");
  if (field || event.ctrlKey || event.metaKey || event.altKey || localStorage.getItem(SHORTCUTS) === "off") return;
  if (pending === "g") {
    pending = "";
    const link = document.querySelector(`nav a[data-key="${CSS.escape(event.key)}"]`);
    if (link) { event.preventDefault(); location.assign(link.href); }
    return;
  }
  if (event.key === "g") { pending = "g"; setTimeout(() => { pending = ""; }, 1500); }
  if (event.key === "j") walk(1);
  if (event.key === "k") walk(-1);
  if (event.key === "?") showShortcuts();
  if (event.key === "/") {
    const search = document.querySelector("[data-search]");
    if (search) { event.preventDefault(); search.focus(); search.select(); }
  }
}

function showShortcuts() {
  let dialog = document.querySelector("dialog");
  if (!dialog) {
    dialog = document.createElement("dialog");
    dialog.setAttribute("aria-labelledby", "shortcuts-title");
    const title = document.createElement("h2");
    title.id = "shortcuts-title";
    title.textContent = "Keyboard shortcuts";
    const list = document.createElement("dl");
    list.className = "facts";
    const keys = [["/", "Search"], ["j  k", "Next and previous row"], ["Enter", "Open the row"], ["Esc", "Close"]];
    for (const link of document.querySelectorAll("nav a[data-key]")) keys.push([`g ${link.dataset.key}`, link.textContent]);
    for (const [key, meaning] of keys) {
      const term = document.createElement("dt");
      const shown = document.createElement("kbd");
      shown.textContent = key;
      term.append(shown);
      const described = document.createElement("dd");
      described.textContent = meaning;
      list.append(term, described);
    }
    const label = document.createElement("label");
    label.className = "check";
    const box = document.createElement("input");
    box.type = "checkbox";
    box.checked = localStorage.getItem(SHORTCUTS) !== "off";
    box.addEventListener("change", () => localStorage.setItem(SHORTCUTS, box.checked ? "on" : "off"));
    label.append(box, "Use these keys");
    const close = document.createElement("button");
    close.type = "button";
    close.textContent = "Close";
    close.addEventListener("click", () => dialog.close());
    const actions = document.createElement("div");
    actions.className = "actions";
    actions.append(close);
    dialog.append(title, list, label, actions);
    document.body.append(dialog);
  }
  dialog.showModal();
}

improve(document);
document.addEventListener("keydown", onKey);
document.addEventListener("click", closeSheets);
for (const part of document.querySelectorAll("[data-live]")) keepLive(part);
for (const form of document.querySelectorAll("form[data-choose]")) chooseRows(form);
const help = document.getElementById("shortcuts-button");
if (help) { help.hidden = false; help.addEventListener("click", showShortcuts); }
