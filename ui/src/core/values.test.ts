import { expect, test } from "vitest";
import { artifactsIn, asArtifact, mediaKind } from "./values.js";

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
