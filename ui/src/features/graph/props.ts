import type { Graph as Shape } from "../../core/graph.js";

export interface GraphProps {
  graph: Shape;
  /** The id of the box that is chosen: it is brought into view. */
  selected?: string | undefined;
  /** A box was chosen; undefined: none is any more. */
  onSelect?: ((id: string | undefined) => void) | undefined;
  /** What it is a graph of, for those who do not see it. */
  label: string;
  /** snug: it is no higher than its graph needs at its full size; className then says how high it may be. */
  snug?: boolean;
  /** Its height. */
  className?: string;
}
