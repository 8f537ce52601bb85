import { EditorState, Text } from "@codemirror/state";
import { expect, test } from "vitest";
import type { Change, Position } from "../../core/lsp.js";
import { changesOf, offsetOf, placeOf } from "./assist.js";

/** applied makes changes as the server does, one after another. */
function applied(text: string, changes: Change[]): string {
  for (const c of changes) {
    const doc = Text.of(text.split("\n"));
    text = text.slice(0, offsetOf(doc, c.range.start)) + c.text + text.slice(offsetOf(doc, c.range.end));
  }
  return text;
}

test.each([
  ["one change", [{ from: 0, insert: "x" }]],
  ["several at once", [{ from: 0, to: 2, insert: "é\nx" }, { from: 4, insert: "y" }, { from: 7, to: 12 }]],
  ["a line taken away", [{ from: 2, to: 6, insert: "" }]],
  ["everything", [{ from: 0, to: 12, insert: "new" }]],
])("%s is told so that the server has the same text", (_, changes) => {
  const state = EditorState.create({ doc: "ab\ncd\n😀 ef\ngh" });
  const tr = state.update({ changes });
  expect(applied(state.doc.toString(), changesOf(state.doc, tr.changes))).toBe(tr.state.doc.toString());
});

test("places are counted in UTF-16, and what is behind the end is at it", () => {
  const doc = Text.of(["ab", "😀x"]);
  const at: Position = { line: 1, character: 2 };
  expect(offsetOf(doc, at)).toBe(5);
  expect(placeOf(doc, 5)).toEqual(at);
  expect(offsetOf(doc, { line: 1, character: 99 })).toBe(6);
  expect(offsetOf(doc, { line: 9, character: 0 })).toBe(6);
});
