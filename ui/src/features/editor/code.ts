// The editor itself, without a framework: CodeMirror in a shadow root, since the host's policy lets no library put styles into
// the page, and a connection to the language server.
import { closeBrackets, closeBracketsKeymap, completionKeymap } from "@codemirror/autocomplete";
import { defaultKeymap, history, historyKeymap, indentWithTab } from "@codemirror/commands";
import { bracketMatching, indentOnInput, indentUnit } from "@codemirror/language";
import { lintGutter, lintKeymap } from "@codemirror/lint";
import { highlightSelectionMatches, search, searchKeymap } from "@codemirror/search";
import { EditorState, type Extension } from "@codemirror/state";
import { crosshairCursor, drawSelection, dropCursor, EditorView, highlightActiveLine, highlightActiveLineGutter, highlightSpecialChars, keymap, lineNumbers, rectangularSelection } from "@codemirror/view";
import { Lsp, type Edit, type Found, type LspState, type Position, type Range } from "../../core/lsp.js";
import { socketTo, timer } from "../../core/link.js";
import { assist, changesOf, edited, goTo, marked, placeOf, type Assisted } from "./assist.js";
import { hcl } from "./language.js";
import { look } from "./look.js";

export interface Options extends Assisted {
  pipeline: string;
  /** The name of its file, in its folder. */
  file: string;
  text: string;
  /** Only shown: long lines are broken, and nobody is asked. */
  readOnly: boolean;
  label: string;
  onText: (text: string) => void;
  /** The cursor has moved; whoever moved it. */
  onCursor: (at: Position) => void;
  onFound: (uri: string, list: Found[]) => void;
  onState: (state: LspState, why: string) => void;
  onMessage: (text: string) => void;
  onFormat: () => void;
}

/** Editing is an open editor. */
export interface Editing {
  text(): string;
  /** replace puts another text in the place of the whole, which undo takes back. */
  replace(text: string): void;
  /** show brings a range into view, and selects it. */
  show(range: Range): void;
  /** rename gives a name another one, and the files beside this one that it stands in: then nothing was changed. It throws an LspError. */
  rename(at: Position, to: string): Promise<string[]>;
  focus(): void;
  saved(): void;
  again(): void;
  end(): void;
}

const file = (uri: string): string => decodeURIComponent(uri.replace(/^file:\/\/\//, ""));

/** open opens an editor in an element. */
export function open(parent: HTMLElement, o: Options): Editing {
  const host = document.createElement("div");
  host.className = "h-full";
  parent.append(host);
  const root = host.attachShadow({ mode: "open" });
  const uri = `file:///${encodeURIComponent(o.file)}`;
  const lsp = o.readOnly
    ? undefined
    : new Lsp({ open: () => socketTo(`/api/v1/lsp?pipeline=${encodeURIComponent(o.pipeline)}`), ...timer }, uri, () => view.state.doc.toString(), {
        found(of, list) {
          if (of === uri) marked(view, list);
          o.onFound(file(of), list);
        },
        state: o.onState,
        message: o.onMessage,
      });
  const extensions: Extension[] = [
    lineNumbers(),
    highlightSpecialChars(),
    drawSelection(),
    search({ top: false }),
    bracketMatching(),
    hcl,
    look,
    EditorState.readOnly.of(o.readOnly),
    EditorView.contentAttributes.of({ "aria-label": o.label, tabindex: "0", autocorrect: "off", autocapitalize: "off", spellcheck: "false" }),
    EditorView.updateListener.of((u) => {
      if (u.docChanged) {
        lsp?.changed(changesOf(u.startState.doc, u.changes));
        o.onText(u.state.doc.toString());
      }
      if (u.docChanged || u.selectionSet) o.onCursor(placeOf(u.state.doc, u.state.selection.main.head));
    }),
    lsp === undefined ? [EditorView.lineWrapping, EditorView.editable.of(false), keymap.of(searchKeymap)] : writing(lsp, uri, o),
  ];
  const view = new EditorView({ parent: root, root, state: EditorState.create({ doc: o.text, extensions }) });
  return {
    text: () => view.state.doc.toString(),
    replace: (text) => view.dispatch({ changes: difference(view.state.doc.toString(), text), userEvent: "input.replace" }),
    show: (range) => goTo(view, range),
    async rename(at, to) {
      const all = (await lsp?.ask<{ changes: Record<string, Edit[]> }>("textDocument/rename", { position: at, newName: to }))?.changes ?? {};
      const others = Object.keys(all).filter((one) => one !== uri);
      if (others.length === 0) edited(view, all[uri] ?? [], "input.rename");
      return others.map(file);
    },
    focus: () => view.focus(),
    saved: () => lsp?.saved(),
    again: () => lsp?.again(),
    end() {
      lsp?.end();
      view.destroy();
      host.remove();
    },
  };
}

const writing = (lsp: Lsp, uri: string, o: Options): Extension[] => [
  highlightActiveLine(),
  highlightActiveLineGutter(),
  lintGutter(),
  history(),
  dropCursor(),
  indentOnInput(),
  indentUnit.of("  "),
  closeBrackets(),
  rectangularSelection(),
  crosshairCursor(),
  highlightSelectionMatches(),
  EditorState.allowMultipleSelections.of(true),
  assist(lsp, uri, o),
  keymap.of([
    { key: "Shift-Alt-f", run: () => (o.onFormat(), true) },
    ...closeBracketsKeymap,
    ...completionKeymap,
    ...lintKeymap,
    ...searchKeymap,
    ...historyKeymap,
    ...defaultKeymap,
    indentWithTab, // Escape, and then Tab, leaves the editor
  ]),
];

/** difference is the one change between two texts, so that what stays keeps its cursor and its marks. */
function difference(before: string, after: string): { from: number; to: number; insert: string } {
  let from = 0;
  while (from < Math.min(before.length, after.length) && before[from] === after[from]) from++;
  let tail = 0;
  while (tail < Math.min(before.length, after.length) - from && before[before.length - 1 - tail] === after[after.length - 1 - tail]) tail++;
  return { from, to: before.length - tail, insert: after.slice(from, after.length - tail) };
}
