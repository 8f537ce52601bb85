import { EditorState } from "@codemirror/state";
import { getIndentation, syntaxTree } from "@codemirror/language";
import { expect, test } from "vitest";
import { hcl } from "./language.js";

/** marks gives the words of a text with what they are taken for. */
function marks(text: string): string[] {
  const state = EditorState.create({ doc: text, extensions: [hcl] });
  const out: string[] = [];
  syntaxTree(state).iterate({
    enter: (n) => {
      if (n.name !== "Document" && n.name !== "bracket" && n.name !== "operator") out.push(`${text.slice(n.from, n.to)} ${n.name}`);
    },
  });
  return out;
}

test("blocks, labels, attributes, references, functions", () => {
  expect(marks('node "a.b" "c" {\n  x = upper(var.y)\n  when = true # why\n}')).toEqual([
    "node keyword",
    '"a.b" labelName',
    '"c" labelName',
    "x propertyName",
    "upper variableName.function",
    "var variableName.special",
    "when propertyName",
    "true atom",
    "# why comment",
  ]);
});

test("texts with code in them, and code with texts in it", () => {
  expect(marks('a = "x ${f("y")} $${z}\\n"')).toEqual(["a propertyName", '"x  string', "${ meta", "f variableName.function", '"y" string', "} meta", " $${z} string", "\\n escape", '" string']);
});

test("a heredoc ends where it says, and a text that is not closed with its line", () => {
  expect(marks("a = <<-E\n  b ${c.d} }\n  E\nb = 1")).toEqual(["a propertyName", "<<-E meta", "  b  string", "${ meta", "} meta", " } string", "  E meta", "b propertyName", "1 number"]);
  expect(marks('a = "x\nb = 1')).toEqual(["a propertyName", '"x string', "b propertyName", "1 number"]);
});

test("comments of several lines, types and loops", () => {
  expect(marks("/* a\nb */ t = list(string)\nx = [for i in var.l : i if i == 2]")).toEqual([
    "/* a comment",
    "b */ comment",
    "t propertyName",
    "list variableName.function",
    "string typeName",
    "x propertyName",
    "for controlKeyword",
    "in controlKeyword",
    "var variableName.special",
    "if controlKeyword",
    "2 number",
  ]);
});

test.each([
  ["a {\n", 2],
  ["a {\n  b = 1\n", 2],
  ["a {\n  b = [ # these\n", 4],
  ["a {\n  b = f(x, {\n\n", 4],
  ["a {\n}\n", 0],
  ["a {\n  b = {\n    c = 1\n  }\n", 2],
])("%j is gone on with at %i", (text, want) => {
  const state = EditorState.create({ doc: text, extensions: [hcl] });
  expect(getIndentation(state, text.length)).toBe(want);
});

test("what closes goes out again", () => {
  const text = "a {\n  b = [\n    1,\n    ]";
  expect(getIndentation(EditorState.create({ doc: text, extensions: [hcl] }), text.lastIndexOf("\n") + 1)).toBe(2);
});
