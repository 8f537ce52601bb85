import { expect, test } from "vitest";
import { filterOf } from "./history.js";

test.each([
  [{ q: "sea", is: "failed", of: "film", when: "week" }, { q: "sea", is: "failed", of: "film", when: "week" }],
  [{ q: 404 }, { q: "404" }], // an address has no quotes
  [{ q: "x".repeat(300) }, { q: "x".repeat(200) }],
  [{ q: "", is: "", of: "", when: "" }, {}],
  [{ q: {}, is: "toString", of: 7, when: "year" }, {}],
  [{ is: "constructor" }, {}],
  [{}, {}],
])("%j", (search, filter) => expect(filterOf(search)).toEqual(filter));
