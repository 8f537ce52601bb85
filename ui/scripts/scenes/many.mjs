/** many is the text of a pipeline of so many nodes: rows of twelve that need some of the row before, and some of rows long before. */
export function many(name, nodes) {
  const of = (row, k) => `node.n${row * 12 + (k % 12)}`;
  const blocks = Array.from({ length: nodes }, (_, i) => {
    const row = Math.floor(i / 12);
    const needs = new Set(row === 0 ? [] : [of(row - 1, i * 7), ...(i % 3 ? [of(row - 1, i * 5)] : []), ...(i % 9 === 0 && row > 3 ? [of(Math.floor(row / 2), i)] : [])]);
    return `node "control.template" "n${i}" {\n  template   = "n${i}"\n  depends_on = [${[...needs].join(", ")}]\n}\n`;
  });
  return `pipeline "${name}" {}\n\n${blocks.join("\n")}`;
}
