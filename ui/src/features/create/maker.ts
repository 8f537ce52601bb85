import type { Schemas } from "../../api/client.js";
import type { Asked } from "../../core/create.js";

/** A pipeline that Create may stand for, and what of it is asked. */
export interface Maker {
  of: Schemas["Pipeline"];
  asked: Asked;
}
