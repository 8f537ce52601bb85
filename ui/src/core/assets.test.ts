import { expect, test } from "vitest";
import { consentOf, isName, kindOf, reference, saidOf, slug } from "./assets.js";

test("a file's name becomes one that an asset may have", () => {
  for (const [file, want] of [
    ["Anna Berg.wav", "anna-berg"],
    ["über_mich.v2.PNG", "u-ber-mich-v2"],
    ["--.txt", ""],
    ["x".repeat(80) + ".wav", "x".repeat(64)],
    [".hidden", ""],
  ] as const) {
    expect(slug(file)).toBe(want);
    if (want !== "") expect(isName(want)).toBe(true);
  }
  for (const bad of ["", "Anna", "-a", "a b", "a/b", "x".repeat(65)]) expect(isName(bad)).toBe(false);
});

test("a file's kind is guessed", () => {
  expect(kindOf({ name: "a.wav", mediaType: "audio/wav" })).toBe("voice");
  expect(kindOf({ name: "a.png", mediaType: "image/png" })).toBe("face");
  expect(kindOf({ name: "ink.safetensors", mediaType: "application/octet-stream" })).toBe("lora");
  expect(kindOf({ name: "a.txt", mediaType: "text/plain" })).toBe("prompt");
});

test("consent is whole, or there is none", () => {
  const empty = saidOf(undefined, "2026-11-27");
  expect(consentOf(empty)).toBeUndefined();
  expect(consentOf({ ...empty, by: "Anna" })).toBe("part");
  expect(consentOf({ ...empty, by: " Anna ", for: "films" })).toEqual({ by: "Anna", on: "2026-11-27", for: "films" });
  expect(consentOf({ ...empty, by: "Anna", for: "films", on: "" })).toBe("part");
});

test("a pipeline names it", () => {
  expect(reference({ kind: "voice", name: "anna" })).toBe('asset("voice/anna")');
  expect(reference({ kind: "voice", name: "anna" }, 3)).toBe('asset("voice/anna@3")');
});
