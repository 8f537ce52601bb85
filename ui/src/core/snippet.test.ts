import { expect, test } from "vitest";
import { snippetOf } from "./snippet.js";

test("places keep their order and their text, and the last one is where it ends", () => {
  expect(snippetOf('node "${1:name}" {\n  model = $2\n  $0\n}')).toBe('node "${1:name}" \\{\n  model = ${2}\n  ${0}\n\\}');
});

test("of choices the first stands", () => {
  expect(snippetOf('when = ${1|true,false|}')).toBe("when = ${1:true}");
});

test("what is no place stays what it is", () => {
  expect(snippetOf("\\${var.x\\} costs \\$5 \\\\ #{y}")).toBe("$\\{var.x\\} costs $5 \\ #\\{y\\}");
  expect(snippetOf("a } b $ c")).toBe("a \\} b $ c");
  expect(snippetOf("${1:a\\}b}")).toBe("${1:ab}"); // CodeMirror has no braces in a place
});
