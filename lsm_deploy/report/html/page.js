"use strict";

// Light or dark: as the system has it, until the reader says otherwise.
const root = document.documentElement;
const dark = matchMedia("(prefers-color-scheme: dark)");
const redraws = [];
const theme = document.getElementById("theme");

function isDark() { return root.style.colorScheme ? root.style.colorScheme === "dark" : dark.matches; }
function shade() { theme.setAttribute("aria-pressed", String(isDark())); redraws.forEach(draw => draw()); }

theme.addEventListener("click", () => { root.style.colorScheme = isDark() ? "light" : "dark"; shade(); });
dark.addEventListener("change", shade);
document.querySelector(".tools").hidden = false;

document.getElementById("save").addEventListener("click", () => {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([document.getElementById("facts").textContent], { type: "application/json" }));
  link.download = document.querySelector("h1").textContent + ".json";
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
});

// --- tables: sorted by a click on a header, then the other way round, then as they were ------------------------------

const collator = new Intl.Collator(undefined, { numeric: true });

function compare(a, b, numeric) {
  if (!numeric) return collator.compare(a.textContent, b.textContent);
  return Number(a.dataset.sort) - Number(b.dataset.sort);
}

function sort(table, column, way) {
  const rows = table.rowsAsWritten.slice();
  const cell = row => row.cells[column];
  const numeric = rows.some(row => cell(row).dataset.sort !== undefined);
  const there = row => !numeric || Number.isFinite(Number(cell(row).dataset.sort ?? NaN));
  const sorted = rows.filter(there).sort((a, b) => way * compare(cell(a), cell(b), numeric));
  table.tBodies[0].replaceChildren(...(way ? [...sorted, ...rows.filter(row => !there(row))] : rows));
}

for (const table of document.querySelectorAll("table")) {
  table.rowsAsWritten = [...table.tBodies[0].rows];
  if (table.rowsAsWritten.length < 2) continue;
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, column) => {
    if (!head.textContent) return;
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = head.textContent;
    head.replaceChildren(button);
    head.setAttribute("aria-sort", "none");
    button.addEventListener("click", () => {
      const next = { none: "ascending", ascending: "descending", descending: "none" }[head.getAttribute("aria-sort")];
      heads.forEach(each => each.hasAttribute("aria-sort") && each.setAttribute("aria-sort", "none"));
      head.setAttribute("aria-sort", next);
      sort(table, column, { none: 0, ascending: 1, descending: -1 }[next]);
    });
  });
}

// --- the section that is looked at -----------------------------------------------------------------------------------

const links = new Map([...document.querySelectorAll("nav a")].map(link => [link.hash.slice(1), link]));
const seen = new IntersectionObserver(entries => {
  for (const entry of entries) {
    if (!entry.isIntersecting) continue;
    links.forEach(link => link.removeAttribute("aria-current"));
    links.get(entry.target.id)?.setAttribute("aria-current", "true");
  }
}, { rootMargin: "-10% 0px -80% 0px" });
document.querySelectorAll("section").forEach(section => seen.observe(section));
