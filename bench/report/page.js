// Sorts a table by the column whose heading is clicked: by number where there is one, what is missing always last.
for (const table of document.querySelectorAll("table.sortable")) {
  const headings = [...table.tHead.rows[0].cells];
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const before = heading.getAttribute("aria-sort");
      const first = column === 0 || "rising" in heading.dataset ? "ascending" : "descending";
      const other = first === "ascending" ? "descending" : "ascending";
      const order = before === first ? other : first;
      headings.forEach((each) => each.removeAttribute("aria-sort"));
      heading.setAttribute("aria-sort", order);
      const sign = order === "ascending" ? 1 : -1;
      const rows = [...table.tBodies[0].rows];
      rows.sort((one, two) => compare(one.cells[column], two.cells[column], sign));
      table.tBodies[0].append(...rows);
    });
  });
}

function compare(one, two, sign) {
  if (one.tagName === "TH") return sign * one.textContent.trim().localeCompare(two.textContent.trim());
  const [a, b] = [one, two].map((cell) => ("value" in cell.dataset ? Number(cell.dataset.value) : NaN));
  if (Number.isNaN(a) || Number.isNaN(b)) return Number.isNaN(a) - Number.isNaN(b);
  return sign * (a - b);
}

// A browser that prints folded parts folded (before 2025) is given them open.
let opened = [];
addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details:not([open])")];
  opened.forEach((each) => (each.open = true));
});
addEventListener("afterprint", () => opened.forEach((each) => (each.open = false)));
