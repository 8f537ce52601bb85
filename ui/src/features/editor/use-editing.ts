import { useEffect, useEffectEvent, useRef, useState, type RefObject } from "react";
import type { Found, LspState, Position } from "../../core/lsp.js";
import { toast } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { open, type Editing } from "./code.js";

interface EditingOptions {
  pipeline: string;
  file: string;
  text: string;
  readOnly: boolean;
  onSave: () => void;
  onFormat: () => void;
  onRename: (name: string, at: Position) => void;
}

export interface EditingState {
  box: RefObject<HTMLDivElement | null>;
  editing: RefObject<Editing | undefined>;
  text: string;
  cursor: Position;
  /** What is wrong, by file. */
  found: ReadonlyMap<string, readonly Found[]>;
  link: { state: LspState; why: string };
}

/** useEditing opens an editor in `box`, once; what is in the options and changes is heard of by its callbacks alone. */
export function useEditing(o: EditingOptions): EditingState {
  const box = useRef<HTMLDivElement>(null);
  const editing = useRef<Editing>(undefined);
  const [text, setText] = useState(o.text);
  const [cursor, setCursor] = useState<Position>({ line: 0, character: 0 });
  const [found, setFound] = useState<ReadonlyMap<string, readonly Found[]>>(new Map());
  const [link, setLink] = useState<{ state: LspState; why: string }>({ state: "connecting", why: "" });
  const onSave = useEffectEvent(() => o.onSave());
  const onFormat = useEffectEvent(() => o.onFormat());
  const onRename = useEffectEvent((name: string, at: Position) => o.onRename(name, at));
  const begin = useEffectEvent((parent: HTMLElement) =>
    open(parent, {
      pipeline: o.pipeline,
      file: o.file,
      text,
      readOnly: o.readOnly,
      label: t.editor.label(o.file),
      onText: setText,
      onCursor: setCursor,
      onFound: (file, list) => setFound((was) => new Map(was).set(file, list)),
      onState: (state, why) => {
        setLink({ state, why });
        if (state === "live") setFound(new Map()); // all of it is told anew
      },
      onMessage: (said) => toast(said),
      onElsewhere: (uri) => toast(t.editor.elsewhere(decodeURIComponent(uri.replace("file:///", "")))),
      onFormat: () => onFormat(),
      onRename: (name, at) => onRename(name, at),
    }),
  );
  useEffect(() => {
    if (box.current === null) return;
    const opened = begin(box.current);
    editing.current = opened;
    return () => {
      editing.current = undefined;
      opened.end();
    };
  }, []);
  useEffect(() => {
    const keys = (e: KeyboardEvent): void => {
      if (e.key.toLowerCase() !== "s" || !(e.metaKey || e.ctrlKey) || e.altKey) return;
      e.preventDefault(); // or the browser saves the page
      onSave();
    };
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  }, []);
  return { box, editing, text, cursor, found, link };
}
