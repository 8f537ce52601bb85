import { setSeed } from "./host";
import { quote, Schema } from "./schema";
import { Task } from "./task";

/** One node type. */
export class Node {
  private inputs: Schema = Schema.object("");
  private outputs: Schema = Schema.object("");
  private rev: string = "";
  private again: bool = false;

  constructor(public readonly name: string, private readonly doc: string, private readonly work: (t: Task) => void) {}

  input(name: string, s: Schema): Node {
    this.inputs.field(name, s);
    return this;
  }

  output(name: string, s: Schema): Node {
    this.outputs.field(name, s);
    return this;
  }

  /** Lets results be reused: change it whenever equal inputs may give other outputs. */
  revision(r: string): Node {
    this.rev = r;
    return this;
  }

  /** A second attempt after a lost one does no harm. */
  idempotent(): Node {
    this.again = true;
    return this;
  }

  json(): string {
    return '{"name":' + quote(this.name) + ',"description":' + quote(this.doc)
      + ',"inputs":' + this.inputs.json() + ',"outputs":' + this.outputs.json()
      + (this.rev == "" ? "" : ',"revision":' + quote(this.rev))
      + ',"idempotent":' + (this.again ? "true" : "false") + "}";
  }

  run(t: Task): void {
    const wrong = this.inputs.check(t.inputs);
    if (wrong != "") return t.refuse("input " + wrong, "see what " + this.name + " takes: spinbot node-types " + this.name);
    const work = this.work;
    work(t);
  }
}

let current: Plugin | null = null;

/** What the module offers. A module makes one, at the top level of its entry file. */
export class Plugin {
  private nodes: Node[] = [];

  constructor(private readonly name: string, private readonly version: string, private readonly doc: string) {
    current = this;
  }

  static current(): Plugin {
    const p = current;
    return p ? p : new Plugin("", "", "");
  }

  /** Adds a node type: its name is the plugin's name, a dot and a word. */
  node(name: string, doc: string, work: (t: Task) => void): Node {
    const n = new Node(name, doc, work);
    this.nodes.push(n);
    return n;
  }

  manifest(): string {
    const types = new Array<string>();
    for (let i = 0; i < this.nodes.length; i++) types.push(this.nodes[i].json());
    return '{"name":' + quote(this.name) + ',"version":' + quote(this.version) + ',"description":' + quote(this.doc)
      + ',"node_types":[' + types.join(",") + "]}";
  }

  run(t: Task): void {
    setSeed(t.seed);
    for (let i = 0; i < this.nodes.length; i++) {
      if (this.nodes[i].name == t.type) return this.nodes[i].run(t);
    }
    t.refuse("module " + this.name + " offers no node type " + quote(t.type), "");
  }
}
