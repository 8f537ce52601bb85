import { expect, test } from "vitest";
import { broughtAs } from "./open.js";

test.each([
  ["Film.HCL", "text/plain", "pipeline"],
  ["flow.json", "text/plain", "workflow"],
  ["flow", "application/json", "workflow"],
  ["a.png", "image/png", "media"],
  ["a.jpg", "image/webp", "media"], // what it is counts, not what it is called
  ["a.mov", "video/quicktime", "media"],
  ["a.jpg", "image/jpeg", "file"],
  ["run.tar.zst", "application/octet-stream", "archive"],
  ["run.tgz", "application/gzip", "archive"],
  ["x.zip", "application/zip", "archive"],
  ["", "", "file"],
])("%s of %s", (name, type, as) => expect(broughtAs(name, type)).toBe(as));
