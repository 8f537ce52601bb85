import { expect, test } from "vitest";
import { artifactsIn, asArtifact, isSealed, mediaKind, resultsOf, written } from "./values.js";

const film = { $artifact: "sha256:ab", media_type: "video/mp4", size: 9, name: "film.mp4" };

test("files in values, each once", () => {
  expect(artifactsIn({ a: [film, { b: film }], c: { $artifact: "sha256:0123456789abcdef" }, d: null, e: "x" }).map((a) => a.name)).toEqual(["film.mp4", "sha256:0123456789ab"]);
});

test("what is no file", () => {
  for (const value of [null, 1, "sha256:ab", [], { $artifact: 3 }, { artifact: "x" }]) expect(asArtifact(value)).toBeUndefined();
});

test.each([
  ["video/mp4", "video"],
  ["audio/wav", "audio"],
  ["image/png", "image"],
  ["image/svg+xml", "file"],
  ["text/plain", "file"],
  ["", "file"],
])("%s is looked at as %s", (type, kind) => expect(mediaKind(type)).toBe(kind));

test.each([
  ["as it is", "as it is"],
  [1, "1"],
  [null, "null"],
  [undefined, ""],
  [{ key: { $sealed: "abc" }, n: "1" }, '{\n  "key": "•••",\n  "n": "1"\n}'],
  [[film], '[\n  "film.mp4"\n]'],
])("%j is written", (value, text) => expect(written(value)).toBe(text));

test("what is a secret", () => expect([{ $sealed: "x" }, { sealed: "x" }, null, "x", []].map(isSealed)).toEqual([true, false, false, false, false]));

test("of a run's results the film comes first, and each once", () => {
  const ref = (digest: string, media_type: string) => ({ $artifact: digest, media_type, size: 1, name: digest });
  const outputs = { captions: ref("c", "application/x-subrip"), thumbnail: ref("t", "image/jpeg"), sound: ref("s", "audio/wav"), video: ref("v", "video/mp4"), again: [ref("v", "video/mp4")], seconds: 3 };
  expect(resultsOf(outputs).map((a) => a.digest)).toEqual(["v", "t", "s", "c"]);
  expect(resultsOf(undefined)).toEqual([]);
});
