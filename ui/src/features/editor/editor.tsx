import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, useBlocker, useNavigate } from "@tanstack/react-router";
import { AlignLeft, CirclePlay, Ellipsis, Save, Trash2 } from "lucide-react";
import { memo, useEffect, useEffectEvent, useMemo, useState, useSyncExternalStore } from "react";
import type { Schemas } from "../../api/client.js";
import { graphOfPipeline } from "../../core/graph.js";
import { LspError, type Position } from "../../core/lsp.js";
import { me, ProblemError, queries } from "../../data/host.js";
import { Button, IconButton } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Menu } from "../../kit/menu.js";
import { Page } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { Badge } from "../../kit/state.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Graph } from "../graph/graph.js";
import { Conflict } from "./conflict.js";
import { keepText, keptText } from "./draft.js";
import { Foot } from "./foot.js";
import { Problems } from "./problems.js";
import { checked, format, remove, save, sourceOf } from "./queries.js";
import { Rename } from "./rename.js";
import { useEditing } from "./use-editing.js";

const route = getRouteApi("/pipelines/$name/edit");
const pause = 400; // ms without a key until the host is asked
const narrow = matchMedia("(max-width: 767px)");

/** EditorPage is a pipeline's file, to be changed where there is room for it and the role allows it. */
export function EditorPage() {
  const { name } = route.useParams();
  const source = useQuery(sourceOf(name));
  const [edits, setEdits] = useState(false); // from then on: nothing is lost when a screen is turned
  const may = useQuery(me).data?.role !== "viewer";
  const wide = !useSyncExternalStore(
    (told) => {
      narrow.addEventListener("change", told);
      return () => narrow.removeEventListener("change", told);
    },
    () => narrow.matches,
  );
  if (wide && may && !edits) setEdits(true);
  if (source.data !== undefined) return <Editor key={`${name} ${edits}`} name={name} source={source.data} note={edits ? undefined : may ? t.editor.narrow : t.editor.viewer} />;
  return (
    <Page title={name} fill={source.error === null}>
      {source.error === null ? <Skeleton className="h-96 md:h-full" /> : <Problem error={source.error} onRetry={() => void source.refetch()} />}
    </Page>
  );
}

type Source = Schemas["PipelineSource"];

/** Editor is an open file. source is how it is saved now; note says why it is only shown. */
function Editor({ name, source, note }: { name: string; source: Source; note: string | undefined }) {
  const readOnly = note !== undefined;
  const file = (source.pipeline.file ?? "").replace(/^.*[/\\]/, "");
  const go = useNavigate();
  const [kept] = useState(() => (readOnly ? undefined : keptText(name)));
  const [base, setBase] = useState(kept === undefined ? source : { ...source, ...kept.base }); // what the text began as, or was saved as
  const [theirs, setTheirs] = useState<{ now: Source | undefined }>();
  const [renaming, setRenaming] = useState<{ name: string; at: Position }>();
  const [removing, setRemoving] = useState(false);

  const saving = useMutation({
    mutationFn: ({ text, version }: { text: string; version: string; then?: (saved: Source) => void }) => save(name, text, version),
    onSuccess: (saved, { then }) => {
      setBase(saved);
      setTheirs(undefined);
      queries.setQueryData(sourceOf(name).queryKey, saved);
      void queries.invalidateQueries({ queryKey: ["pipelines"] });
      editing.current?.saved();
      if (then !== undefined) return then(saved);
      toast(saved.pipeline.state === "broken" ? t.editor.savedBroken : t.editor.saved);
      if (saved.pipeline.name !== name) void go({ to: "/pipelines/$name/edit", params: { name: saved.pipeline.name }, replace: true, ignoreBlocker: true });
    },
    onError: async (e) => {
      if (!(e instanceof ProblemError && e.problem.code === "stale")) return toastProblem(e);
      try {
        setTheirs({ now: await queries.fetchQuery({ ...sourceOf(name), staleTime: 0 }) });
      } catch (why) {
        if (why instanceof ProblemError && why.problem.status === 404) setTheirs({ now: undefined });
        else toastProblem(why);
      }
    },
  });
  const saveText = (then?: (saved: Source) => void): void => {
    if (readOnly || saving.isPending) return;
    saving.mutate({ text: editing.current?.text() ?? text, version: base.version, ...(then === undefined ? {} : { then }) });
  };
  const formatting = useMutation({ mutationFn: format, onSuccess: (laid) => editing.current?.replace(laid.text), onError: toastProblem });
  const removal = useMutation({
    mutationFn: () => remove(name, base.version),
    onSuccess: () => {
      void queries.invalidateQueries({ queryKey: ["pipelines"] });
      toast(t.editor.removed(name));
      void go({ to: "/pipelines", ignoreBlocker: true });
    },
    onError: toastProblem,
  });
  const { box, editing, text, cursor, found, link } = useEditing({
    pipeline: name,
    file,
    text: kept?.text ?? source.text,
    readOnly,
    onSave: () => saveText(),
    onFormat: () => formatting.mutate(editing.current?.text() ?? ""),
    onRename: (old, at) => setRenaming({ name: old, at }),
  });
  const dirty = text !== base.text;
  useEffect(() => {
    if (!readOnly) keepText(name, dirty ? { text, base: { text: base.text, version: base.version } } : undefined);
  }, [name, text, base, dirty, readOnly]);
  const blocker = useBlocker({ shouldBlockFn: () => dirty, enableBeforeUnload: () => dirty, withResolver: true });
  const over = theirs !== undefined || renaming !== undefined; // something was opened over the text, and gives the focus back
  const focus = useEffectEvent(() => editing.current?.focus());
  useEffect(() => {
    if (!over) return;
    return () => focus();
  }, [over]);
  const run = (of: Source): void => void go({ to: "/pipelines/$name", params: { name: of.pipeline.name }, ignoreBlocker: true });
  const rename = async (to: string): Promise<string | undefined> => {
    try {
      const others = await editing.current?.rename(renaming?.at ?? cursor, to);
      return others === undefined ? t.editor.away : others.length > 0 ? t.editor.usedIn(others) : undefined;
    } catch (e) {
      if (e instanceof LspError) return e.message;
      throw e;
    }
  };

  return (
    <Page
      title={name}
      fill
      head={
        <div className="flex min-h-5 flex-wrap items-center gap-2 text-muted">
          <span className="min-w-0 break-all">{file}</span>
          {dirty && <Badge>{t.editor.unsaved}</Badge>}
        </div>
      }
      actions={
        <>
          {!readOnly && (
            <>
              <Button busy={formatting.isPending} onClick={() => formatting.mutate(text)}>
                <AlignLeft size={15} aria-hidden />
                {t.editor.format}
              </Button>
              <Button busy={saving.isPending} disabled={!dirty} onClick={() => saveText()}>
                <Save size={15} aria-hidden />
                {t.editor.save}
              </Button>
            </>
          )}
          <Button look="fill" onClick={() => (dirty ? saveText(run) : run(base))}>
            <CirclePlay size={15} aria-hidden />
            {t.editor.run}
          </Button>
          {!readOnly && (
            <Menu
              trigger={
                <IconButton label={t.editor.more}>
                  <Ellipsis size={16} />
                </IconButton>
              }
              groups={[[{ title: t.editor.remove, icon: Trash2, danger: true, onSelect: () => setRemoving(true) }]]}
            />
          )}
        </>
      }
    >
      <div className="grid min-h-0 grid-cols-1 gap-4 lg:grid-cols-[minmax(0,3fr)_minmax(0,2fr)]">
        <div className="card relative z-10 flex min-h-0 min-w-0 flex-col overflow-hidden">
          {note !== undefined && <p className="border-b border-line bg-raised px-4 py-2 text-muted">{note}</p>}
          {source.version !== base.version && theirs === undefined && (
            <div role="alert" className="flex flex-wrap items-center gap-3 border-b border-line bg-warn-tint px-4 py-2 text-warn">
              <span className="grow">{t.editor.changed}</span>
              <Button onClick={() => setTheirs({ now: source })}>{t.editor.look}</Button>
            </div>
          )}
          <div ref={box} className="relative isolate min-h-48 grow md:h-0 after:pointer-events-none after:absolute after:inset-0 after:z-10 after:border after:border-transparent focus-within:after:border-accent" />
          {!readOnly && (
            <>
              <Problems file={file} found={found} onGo={(f) => editing.current?.show(f.range)} />
              <Foot link={link} problems={[...found.values()].reduce((n, list) => n + list.length, 0)} cursor={cursor} onAgain={() => editing.current?.again()} />
            </>
          )}
        </div>
        <Beside name={name} text={text} line={cursor.line} onGo={(line) => editing.current?.show({ start: { line, character: 0 }, end: { line, character: 0 } })} />
      </div>
      {theirs !== undefined && (
        <Conflict
          theirs={theirs.now?.text}
          mine={text}
          busy={saving.isPending}
          onClose={() => setTheirs(undefined)}
          onTake={() => {
            if (theirs.now === undefined) return;
            setBase(theirs.now);
            editing.current?.replace(theirs.now.text);
            setTheirs(undefined);
          }}
          onKeep={() => saving.mutate({ text, version: theirs.now?.version ?? "" })}
        />
      )}
      {renaming !== undefined && <Rename name={renaming.name} rename={rename} onClose={() => setRenaming(undefined)} />}
      <Dialog
        open={removing}
        onClose={() => setRemoving(false)}
        title={t.editor.removeTitle(name)}
        actions={
          <>
            <Button onClick={() => setRemoving(false)}>{t.editor.stay}</Button>
            <Button look="danger" busy={removal.isPending} onClick={() => removal.mutate()}>
              {t.editor.remove}
            </Button>
          </>
        }
      >
        <p className="text-muted">{t.editor.removeText}</p>
      </Dialog>
      <Dialog
        open={blocker.status === "blocked"}
        onClose={() => blocker.reset?.()}
        title={t.editor.leave}
        actions={
          <>
            <Button look="danger" onClick={() => (keepText(name, undefined), blocker.proceed?.())}>
              {t.editor.doLeave}
            </Button>
            <Button look="fill" busy={saving.isPending} onClick={() => saveText(() => blocker.proceed?.())}>
              {t.editor.saveAndLeave}
            </Button>
          </>
        }
      >
        <p className="text-muted">{t.editor.leaveText}</p>
      </Dialog>
    </Page>
  );
}

/** Beside is the graph of the text as it is once nobody types; the node that the cursor is in is chosen, and a chosen one is gone to. */
const Beside = memo(
  function Beside({ name, text, line, onGo }: { name: string; text: string; line: number; onGo: (line: number) => void }) {
    const [settled, setSettled] = useState(text);
    useEffect(() => {
      const timer = setTimeout(() => setSettled(text), pause);
      return () => clearTimeout(timer);
    }, [text]);
    const check = useQuery(checked(name, settled));
    const read = check.data?.pipeline !== undefined;
    const declared = useDeclared(read ? (check.data?.declared ?? none) : undefined);
    const graph = useMemo(() => graphOfPipeline(declared), [declared]);
    const at = declared.find((n) => n.range.start.line - 1 <= line && line < n.range.end.line)?.id;
    const show = (id: string | undefined): void => {
      const node = declared.find((n) => n.id === id);
      if (node !== undefined) onGo(node.range.start.line - 1);
    };
    return (
      <div className="hidden min-h-0 grid-rows-[minmax(0,1fr)_auto] gap-2 lg:grid">
        {check.isPending ? <Skeleton className="h-full" /> : <Graph graph={graph} selected={at} onSelect={show} label={t.graph.title} className="h-full" />}
        {check.data !== undefined && !read && <p className="text-small text-muted">{t.editor.graphOld}</p>}
      </div>
    );
  },
  (a, b) => a.name === b.name && a.text === b.text && a.line === b.line,
);

const none: Schemas["PipelineNode"][] = [];

/** useDeclared keeps what was declared last, while a text cannot be read. */
function useDeclared(now: Schemas["PipelineNode"][] | undefined): Schemas["PipelineNode"][] {
  const [last, setLast] = useState(none);
  if (now !== undefined && now !== last) setLast(now);
  return now ?? last;
}
