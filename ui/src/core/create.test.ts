import { expect, test } from "vitest";
import { askedOf, fileOf, titleOf, wordsOf } from "./create.js";
import type { Variable } from "./launch.js";

const v = (name: string, type: string, more: Partial<Variable> = {}): Variable => ({ name, type, schema: {}, required: false, ...more });
const image = { accept: ["image/*"], required: true };

test.each([
  ["an avatar", [v("portrait", "artifact", image), v("voice", "artifact", { accept: ["audio/*"] }), v("topic", "string", { required: true }), v("style", "string")], ["topic", "portrait", "voice"]],
  ["an explainer", [v("article", "artifact", { accept: ["text/markdown", "text/plain"], required: true }), v("picture", "artifact", image), v("voice", "string"), v("height", "number")], ["article", "picture", "voice"]],
  ["a storyboard", [v("topic", "string", { required: true }), v("lines", "list(string)"), v("voice", "string")], ["topic", undefined, "voice"]],
  ["an avatar that speaks words or about a topic, of whom somebody has to agree", [v("portrait", "list(artifact)", { accept: ["image/*"] }), v("narration", "string"), v("topic", "string"), v("consent", "bool"), v("sample", "list(artifact)", { accept: ["audio/*"] }), v("voice", "list(artifact)", { accept: ["application/zip"] }), v("profile", "string", { options: ["gpu", "cpu"] })], ["topic", "portrait", "sample", "narration", "consent", "profile"]],
  ["a way of its own in place of a topic", [v("text", "string", { options: ["a", "b"] })], undefined],
  ["consent that is a text", [v("topic", "string"), v("consent", "string", { required: true })], undefined],
  ["a topic that has to be given", [v("topic", "string", { required: true }), v("narration", "string")], ["topic", undefined, undefined]],
  ["a name of its own for the topic", [v("key", "string", { sensitive: true }), v("about", "string", { required: true })], ["about", undefined, undefined]],
  ["one that asks for more", [v("topic", "string"), v("scenes", "number", { required: true })], undefined],
  ["one that needs a secret", [v("topic", "string"), v("key", "string", { required: true, sensitive: true })], undefined],
  ["one without a topic", [v("portrait", "artifact", image)], undefined],
  ["a file that may be anything", [v("data", "artifact")], undefined],
  ["nothing", [], undefined],
])("of %s", (_, variables, names) => {
  const asked = askedOf(variables);
  const all = asked && [asked.topic.name, asked.portrait?.name, asked.voice?.name, asked.words?.name, asked.consent?.name, asked.profile?.name];
  expect(all).toEqual(names && [...names, ...Array.from({ length: 6 - names.length })]);
});

const asked = { topic: v("topic", "string"), words: v("narration", "string") };

test.each([
  [{ topic: "# Why the sea is salty\nBecause" }, "Why the sea is salty"],
  [{ topic: { $artifact: "sha256:1", name: "Why the sea is salty.md" } }, "Why the sea is salty"],
  [{ topic: "Why the sea is salty", narration: "It was rain once." }, "It was rain once."],
  [{ topic: "Why the sea is salty", narration: "" }, "Why the sea is salty"],
  [{ topic: "x".repeat(200) }, `${"x".repeat(89)}…`],
  [{ topic: 7 }, ""],
  [{}, ""],
  [undefined, ""],
])("the title of %j", (inputs, title) => expect(titleOf(inputs, asked)).toBe(title));

test.each([
  ["# Why is the sea salty?\n\nRain.", "Why is the sea salty.md"],
  ["", "topic.md"],
  ["///", "topic.md"],
  ["../../etc/passwd", "etcpasswd.md"],
  [`${"Ä".repeat(80)}`, `${"Ä".repeat(60)}.md`],
])("a file of %j", async (text, name) => {
  const file = fileOf(text);
  expect([file.name, file.type, await file.text()]).toEqual([name, "text/markdown", text]);
});

test("names are read as words", () => expect(["talking_avatar", "x", ""].map(wordsOf)).toEqual(["Talking avatar", "X", ""]));
