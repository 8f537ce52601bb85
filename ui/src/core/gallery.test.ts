import { expect, test } from "vitest";
import { lookOf, pagesOf } from "./gallery.js";

test.each([
  [{ kind: "video/", q: "film", file: "sha256:1" }, { kind: "video/", q: "film", file: "sha256:1" }],
  [{ q: 404 }, { q: "404" }], // an address has no quotes
  [{ q: "x".repeat(300) }, { q: "x".repeat(200) }],
  [{ kind: "", q: "", file: "" }, {}],
  [{ kind: 1, q: {}, file: [] }, {}],
  [{ by: "meaning", q: "dusk by the sea" }, { by: "meaning", q: "dusk by the sea" }],
  [{ by: "smell", q: "sea" }, { q: "sea" }],
  [{}, {}],
])("%j", (search, look) => expect(lookOf(search)).toEqual(look));

test.each([
  [[0, 20], undefined, 100_000, [0]],
  [[50, 70], undefined, 100_000, [0, 1]],
  [[99_900, 99_999], undefined, 100_000, [1665, 1666]],
  [[0, 300], undefined, 70, [0, 1]], // there are no more
  [[0, 20], 599, 100_000, [0, 9, 10]], // the one behind it is on the next page
  [[0, 20], 0, 100_000, [0]],
  [[0, 20], undefined, 0, []],
] as const)("the pages of %j beside %j of %d", (seen, open, total, pages) => expect(pagesOf(seen, open, total)).toEqual(pages));
