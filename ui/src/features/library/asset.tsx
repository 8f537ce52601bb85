import { useMutation, useQuery } from "@tanstack/react-query";
import { getRouteApi, Link, useNavigate } from "@tanstack/react-router";
import { ArrowLeft, Pencil, Plus, Trash2 } from "lucide-react";
import { useState } from "react";
import { reference, type Asset, type AssetKind, type AssetVersion } from "../../core/assets.js";
import { ago, date } from "../../core/format.js";
import { asArtifact, mediaKind, waveformURL, type Artifact } from "../../core/values.js";
import { isText, text } from "../../data/files.js";
import { api, ask } from "../../data/host.js";
import { useNow } from "../../data/live.js";
import { Button } from "../../kit/button.js";
import { Copy } from "../../kit/copy.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Media, Thumbnail } from "../../kit/media.js";
import { Page, Section } from "../../kit/page.js";
import { Problem } from "../../kit/problem.js";
import { toast, toastProblem } from "../../kit/toast.js";
import { t } from "../../strings.js";
import { Add } from "./add.js";
import { Edit } from "./edit.js";
import { Facts } from "./facts.js";
import { asset, changed } from "./queries.js";
import { Consent, Licence } from "./standing.js";
import { Uses } from "./uses.js";

const route = getRouteApi("/library/$kind/$name");

/** AssetPage is one asset: the version that its address names, or the newest, and all the others. */
export function AssetPage() {
  const { kind, name } = route.useParams();
  const { version } = route.useSearch();
  const found = useQuery({ ...asset(kind as AssetKind, name), retry: false });
  const a = found.data;
  const v = a?.versions.find((x) => x.number === version) ?? a?.versions[0];
  return (
    <Page
      title={name}
      head={
        <Link to="/library" className="flex items-center gap-1 justify-self-start rounded-sm text-muted hover:text-ink">
          <ArrowLeft size={14} aria-hidden />
          {t.library.back}
        </Link>
      }
      actions={a !== undefined && v !== undefined && <Actions asset={a} version={v} />}
    >
      {found.isPending && <Skeleton className="h-72" />}
      {found.error !== null && <Problem error={found.error} onRetry={() => void found.refetch()} />}
      {a !== undefined && v !== undefined && (
        <div className="grid grid-cols-1 items-start gap-6 lg:grid-cols-[minmax(0,1fr)_21rem]">
          <div className="grid min-w-0 grid-cols-1 content-start gap-6">
            <Section
              title={t.library.versionNamed(v.number)}
              aside={
                <span className="flex min-w-0 flex-1 justify-end">
                  <Copy text={reference(a, v === a.versions[0] ? undefined : v.number)} />
                </span>
              }
            >
              <Whole key={v.artifact.$artifact} kind={a.kind} version={v} />
            </Section>
            <Uses version={v} />
          </div>
          <div className="grid min-w-0 grid-cols-1 content-start gap-6">
            <Facts asset={a} version={v} />
            <Versions asset={a} chosen={v.number} />
          </div>
        </div>
      )}
    </Page>
  );
}

function Actions({ asset: a, version: v }: { asset: Asset; version: AssetVersion }) {
  const [dialog, setDialog] = useState<"edit" | "add" | "remove">();
  const go = useNavigate();
  const close = (): void => setDialog(undefined);
  const remove = useMutation({
    mutationFn: () => ask(api.DELETE("/api/v1/assets/{kind}/{name}/versions/{number}", { params: { path: { kind: a.kind, name: a.name, number: v.number } } })),
    onSuccess: (left) => {
      close();
      toast(t.library.removed(a.name, v.number));
      void changed();
      void (left.count === 0 ? go({ to: "/library" }) : go({ to: "/library/$kind/$name", params: { kind: a.kind, name: a.name } }));
    },
    onError: toastProblem,
  });
  return (
    <>
      <Button onClick={() => setDialog("edit")}>
        <Pencil size={14} aria-hidden />
        {t.library.edit}
      </Button>
      <Button onClick={() => setDialog("add")}>
        <Plus size={15} aria-hidden />
        {t.library.addVersion}
      </Button>
      <Button look="danger" onClick={() => setDialog("remove")}>
        <Trash2 size={14} aria-hidden />
        {t.library.remove}
      </Button>
      <Add open={dialog === "add"} to={a} onClose={close} />
      <Edit open={dialog === "edit"} asset={a} version={v} onClose={close} />
      <Dialog
        open={dialog === "remove"}
        onClose={close}
        title={t.library.removeTitle(a.name, v.number)}
        actions={
          <>
            <Button onClick={close}>{t.library.keep}</Button>
            <Button look="danger" busy={remove.isPending} onClick={() => remove.mutate()}>
              {t.library.remove}
            </Button>
          </>
        }
      >
        <p className="text-muted">{t.library.removeText}</p>
      </Dialog>
    </>
  );
}

/** Whole is the version's file as it is seen or heard, how it is named, and why it may not be used. */
function Whole({ kind, version: v }: { kind: AssetKind; version: AssetVersion }) {
  const file = asArtifact(v.artifact);
  if (file === undefined) return null;
  const picture = asArtifact(v.thumbnail);
  return (
    <div className="grid grid-cols-1 gap-4">
      {v.refused !== undefined && <Problem error={{ title: t.library.refused[kind === "face" ? "face" : "voice"], fix: t.library.refusedFix }} />}
      {picture !== undefined && (
        <div className="card w-64 overflow-hidden">
          <Thumbnail artifact={picture} />
        </div>
      )}
      {mediaKind(file.mediaType) === "audio" && <Wave artifact={file} />}
      <Media artifact={file} />
      {isText(file.mediaType) && <Text artifact={file} />}
      {v.note !== undefined && v.note !== "" && <p className="max-w-prose break-words whitespace-pre-line">{v.note}</p>}
    </div>
  );
}

function Wave({ artifact: a }: { artifact: Artifact }) {
  const [broken, setBroken] = useState(false);
  if (broken) return null; // what draws it is not there
  return <img src={waveformURL(a)} alt={t.gallery.waveform} onError={() => setBroken(true)} className="card h-32 w-full bg-raised object-fill px-4 py-3" />;
}

function Text({ artifact: a }: { artifact: Artifact }) {
  const found = useQuery(text(a));
  if (found.isPending) return <Skeleton className="h-48" />;
  return (
    <pre tabIndex={0} aria-label={a.name} className="max-h-[50vh] overflow-auto rounded-lg bg-raised p-4 font-sans break-words whitespace-pre-wrap">
      {found.data?.text ?? t.media.broken}
    </pre>
  );
}

function Versions({ asset: a, chosen }: { asset: Asset; chosen: number }) {
  const now = useNow(true, 30_000);
  return (
    <Section title={t.library.versions}>
      <ol className="card divide-y divide-line overflow-hidden">
        {a.versions.map((v) => (
          <li key={v.number}>
            <Link
              to="/library/$kind/$name"
              params={{ kind: a.kind, name: a.name }}
              search={v === a.versions[0] ? {} : { version: v.number }}
              replace
              aria-current={v.number === chosen || undefined}
              className="grid grid-cols-1 gap-1 px-4 py-3 -outline-offset-2 hover:bg-raised aria-[current]:bg-tint"
            >
              <span className="flex items-center justify-between gap-3">
                <span className="font-medium">{t.library.versionNamed(v.number)}</span>
                <time dateTime={v.created} title={date(v.created)} className="text-small text-muted">
                  {ago(v.created, now)}
                </time>
              </span>
              {v.note !== undefined && v.note !== "" && <span className="truncate text-muted">{v.note}</span>}
              <span className="flex items-center justify-between gap-3 text-small">
                <Licence licence={v.licence} />
                <Consent kind={a.kind} version={v} />
              </span>
            </Link>
          </li>
        ))}
      </ol>
    </Section>
  );
}
