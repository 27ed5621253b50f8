"use strict";
// Sorting by a column and filtering by words; everything is in the page without it.
const boards = [...document.querySelectorAll("table.board")];
const number = (text) => (text === "" || text === "nan" ? NaN : text === "inf" ? Infinity : Number(text));

function compare(one, other, up) {
  const a = number(one), b = number(other);
  if (one === "" || other === "") return (one === "") - (other === "");
  const order = Number.isNaN(a) || Number.isNaN(b) ? one.localeCompare(other) : a === b ? 0 : a > b ? 1 : -1;
  return up ? order : -order;
}

function sort(table, head, column) {
  const up = head.getAttribute("aria-sort") === "descending";
  table.querySelectorAll("th[aria-sort]").forEach((one) => one.removeAttribute("aria-sort"));
  head.setAttribute("aria-sort", up ? "ascending" : "descending");
  const body = table.tBodies[0];
  const rows = [...body.rows];
  rows.sort((a, b) => compare(a.cells[column].dataset.v, b.cells[column].dataset.v, up));
  body.append(...rows);
}

boards.forEach((table) => {
  [...table.tHead.rows[1].cells].forEach((head, column) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => sort(table, head, column));
  });
});

function tools(place) {
  const bar = document.createElement("div");
  bar.className = "tools";
  const words = document.createElement("input");
  words.type = "search";
  words.placeholder = "Filter: coin, venue, flag";
  words.setAttribute("aria-label", "Filter pairs by coin, venue or flag");
  const open = document.createElement("label");
  const box = document.createElement("input");
  box.type = "checkbox";
  open.append(box, " only what no flag blocks");
  const left = document.createElement("span");
  left.setAttribute("role", "status");
  const show = () => {
    const wanted = words.value.trim().toLowerCase().split(/\s+/);
    let shown = 0;
    boards.forEach((table) => [...table.tBodies[0].rows].forEach((row) => {
      const text = row.textContent.toLowerCase();
      const fits = wanted.every((word) => text.includes(word)) ? !(box.checked ? row.dataset.risk === "HIGH" : false) : false;
      row.hidden = !fits;
      shown += fits ? 1 : 0;
    }));
    left.textContent = shown + " pairs shown";
  };
  words.addEventListener("input", show);
  box.addEventListener("change", show);
  bar.append(words, open, left);
  place.prepend(bar);
}

const place = document.getElementById("board");
if (place) tools(place);
