import { expect, test } from "vitest";
import { draftOf, mistakes, placeFor, refuses, submission, type Variable } from "./launch.js";

const variable = (name: string, type: string, more: Partial<Variable> = {}): Variable => ({ name, type, schema: {}, required: false, ...more });
const variables = [variable("article", "artifact"), variable("height", "number"), variable("title", "string"), variable("key", "string", { sensitive: true })];
const file = { digest: "sha256:1", mediaType: "text/markdown", size: 3, name: "a.md" };

test("an earlier run's values become a draft, and that a submission", () => {
  const inputs = { article: { $artifact: "sha256:1", media_type: "text/markdown", size: 3, name: "a.md" }, height: 360, title: "7", key: "secret", gone: 1 };
  const draft = draftOf(inputs, variables);
  expect(draft).toEqual({ text: { height: "360", title: "7" }, files: { article: [file] } });
  expect(submission("film", { ...draft, text: { ...draft.text, title: "" } }, variables)).toEqual({ pipeline: { saved: "film" }, text: { height: "360" }, inputs: { article: inputs.article } });
});

test("a list of files stays one, of one file too", () => {
  const pictures = [variable("pictures", "list( artifact )")];
  const one = { $artifact: "sha256:1", media_type: "image/png", size: 3, name: "a.png" };
  for (const given of [[one], [one, { ...one, $artifact: "sha256:2" }]]) expect(submission("up", draftOf({ pictures: given }, pictures), pictures).inputs).toEqual({ pictures: given });
  expect(submission("up", draftOf({ pictures: one }, pictures), pictures).inputs).toEqual({ pictures: [one] });
  expect(submission("up", { text: {}, files: { pictures: [], gone: [file] } }, pictures).inputs).toEqual({});
});

test("a file variable takes no text, and a value that is nothing is left out", () => expect(draftOf({ article: "a.md", height: null }, variables)).toEqual({ text: {}, files: {} }));

test("what the host says of a variable stands at it, the first of it", () => {
  const range = { start: { line: 1, column: 1, byte: 0 }, end: { line: 1, column: 1, byte: 0 } };
  const said = ['variable "article" needs a value', 'variable "height": too high', 'variable "height": odd', 'variable "other": no', "no such plugin"];
  const problem = { type: "", title: "", status: 422, code: "invalid_input", diagnostics: said.map((summary) => ({ severity: "error", summary, range })) };
  expect(mistakes(problem, variables)).toEqual({ of: { article: "needs a value", height: "too high" }, rest: ['variable "other": no', "no such plugin"] });
});

test.each([
  [{ accept: ["image/*"], max_size: 10 }, { type: "image/png", size: 10 }, undefined],
  [{ accept: ["image/*"], max_size: 10 }, { type: "image/png", size: 11 }, "size"],
  [{ accept: ["image/*"] }, { type: "text/plain", size: 1 }, "kind"],
  [{ accept: ["text/plain"] }, { type: "", size: 1 }, undefined],
  [{}, { type: "text/plain", size: 1 }, undefined],
])("%j of %j", (v, f, why) => expect(refuses(v, f)).toBe(why));

test("a file goes where its kind is named, then where anything goes", () => {
  const some = [variable("any", "artifact"), variable("title", "string"), variable("faces", "list(artifact)", { accept: ["image/*"] })];
  expect(placeFor(some, "image/png")?.name).toBe("faces");
  expect(placeFor(some, "audio/wav")?.name).toBe("any");
  expect(placeFor(some.slice(1), "audio/wav")).toBeUndefined();
});
