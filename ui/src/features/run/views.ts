/** How the nodes of a run can be looked at. */
export const views = ["list", "graph", "timeline"] as const;
export type View = (typeof views)[number];
