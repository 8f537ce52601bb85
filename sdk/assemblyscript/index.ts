// What an author of control nodes imports. The module's own exports are in abi.ts.
export { Artifact, Kind, Value } from "./assembly/value";
export { Level, Task } from "./assembly/task";
export { Schema } from "./assembly/schema";
export { Node, Plugin } from "./assembly/plugin";
