import { useQuery } from "@tanstack/react-query";
import { Link } from "@tanstack/react-router";
import { ChevronLeft, ChevronRight, LibraryBig, X } from "lucide-react";
import { useEffect, type ReactNode } from "react";
import type { Schemas } from "../../api/client.js";
import { date, duration, size } from "../../core/format.js";
import { artifactsIn, type Artifact } from "../../core/values.js";
import { info, lineage } from "../../data/files.js";
import { buttonClass, IconButton } from "../../kit/button.js";
import { Dialog } from "../../kit/dialog.js";
import { Skeleton } from "../../kit/empty.js";
import { Media, Thumbnail } from "../../kit/media.js";
import { Problem } from "../../kit/problem.js";
import { t } from "../../strings.js";
import { Inside } from "./inside.js";

interface ViewerProps {
  /** Of the file that is open; undefined: none is. */
  digest: string | undefined;
  /** What the list has of it, when it does. */
  artifact: Artifact | undefined;
  known: Schemas["RunArtifact"] | undefined;
  onOpen: (digest: string) => void;
  onClose: () => void;
  onPrevious: (() => void) | undefined;
  onNext: (() => void) | undefined;
}

/** Viewer shows one file, where it comes from and what became of it. The arrow keys go to the next one. */
export function Viewer({ digest, artifact, known, onOpen, onClose, onPrevious, onNext }: ViewerProps) {
  useEffect(() => {
    if (digest === undefined) return;
    const key = (e: KeyboardEvent): void => {
      if (e.target instanceof HTMLMediaElement) return; // arrows are its own there
      if (e.key === "ArrowLeft") onPrevious?.();
      if (e.key === "ArrowRight") onNext?.();
    };
    addEventListener("keydown", key);
    return () => removeEventListener("keydown", key);
  }, [digest, onPrevious, onNext]);
  return (
    <Dialog open={digest !== undefined} onClose={onClose} title={artifact?.name ?? t.gallery.file} bare className="max-h-[calc(100dvh-2rem)] w-[min(76rem,calc(100vw-2rem))] max-w-none overflow-auto">
      {digest !== undefined && (
        <>
          <header className="flex items-center gap-1 border-b border-line py-2 pr-2 pl-4">
            <span aria-hidden className="min-w-0 grow truncate text-lead">
              {artifact?.name ?? t.gallery.file}
            </span>
            <IconButton label={t.gallery.previous} disabled={onPrevious === undefined} onClick={() => onPrevious?.()}>
              <ChevronLeft size={16} />
            </IconButton>
            <IconButton label={t.gallery.next} disabled={onNext === undefined} onClick={() => onNext?.()}>
              <ChevronRight size={16} />
            </IconButton>
            <IconButton label={t.close} onClick={onClose}>
              <X size={16} />
            </IconButton>
          </header>
          <File key={digest} digest={digest} artifact={artifact} known={known} onOpen={onOpen} />
        </>
      )}
    </Dialog>
  );
}

function File({ digest, artifact, known, onOpen }: Pick<ViewerProps, "artifact" | "known" | "onOpen"> & { digest: string }) {
  const found = useQuery(info(digest));
  const i = found.data;
  const a = artifact ?? (i && { digest, mediaType: i.media_type, size: i.size, name: i.names[0] ?? digest.slice(0, 19) });
  return (
    <div className="grid gap-6 p-4 md:grid-cols-[minmax(0,1fr)_19rem]">
      <div className="grid min-w-0 content-start gap-3">
        {a === undefined ? found.error === null ? <Skeleton className="h-64" /> : <Problem error={found.error} onRetry={() => void found.refetch()} /> : null}
        {a !== undefined && (
          <>
            <Media artifact={a} />
            <Inside artifact={a} />
          </>
        )}
      </div>
      <div className="grid min-w-0 content-start gap-4">
        <dl className="grid grid-cols-[auto_1fr] gap-x-4 gap-y-1">
          {a !== undefined && <Fact name={t.gallery.type}>{a.mediaType}</Fact>}
          {a !== undefined && <Fact name={t.gallery.size}>{size(a.size)}</Fact>}
          {i?.width !== undefined && i.height !== undefined && <Fact name={t.gallery.pixels}>{`${i.width} × ${i.height}`}</Fact>}
          {i?.seconds !== undefined && <Fact name={t.gallery.lasts}>{duration(i.seconds)}</Fact>}
          {known !== undefined && (
            <Fact name={t.gallery.run}>
              <Link to="/runs/$id" params={{ id: known.run }} className="text-accent hover:underline">
                {known.pipeline}
              </Link>
            </Fact>
          )}
          {i?.created !== undefined && <Fact name={t.gallery.created}>{date(i.created)}</Fact>}
          <Fact name={t.gallery.digest}>
            <span className="font-mono text-small break-all">{digest}</span>
          </Fact>
          {i?.created !== undefined && (
            <Fact name={t.gallery.provenance}>
              <a href={`/api/v1/artifacts/${encodeURIComponent(digest)}/provenance`} download={`${a?.name ?? digest}.provenance.json`} className="text-accent hover:underline">
                {t.gallery.saveProvenance}
              </a>
            </Fact>
          )}
        </dl>
        <Link to="/library" search={{ add: digest, ...(a === undefined ? {} : { as: a.name }) }} className={`${buttonClass()} justify-self-start`}>
          <LibraryBig size={15} aria-hidden />
          {t.library.fromGallery}
        </Link>
        <Lineage digest={digest} onOpen={onOpen} />
      </div>
    </div>
  );
}

function Fact({ name, children }: { name: string; children: ReactNode }) {
  return (
    <>
      <dt className="text-muted">{name}</dt>
      <dd className="min-w-0 break-words">{children}</dd>
    </>
  );
}

function Lineage({ digest, onOpen }: { digest: string; onOpen: (digest: string) => void }) {
  const found = useQuery(lineage(digest));
  if (found.error !== null) return <Problem error={found.error} />;
  const others = (values: unknown): Artifact[] => artifactsIn(values).filter((a) => a.digest !== digest);
  return (
    <>
      <Steps title={t.gallery.madeBy} attempts={found.data?.made} files={(x) => others(x.uses)} onOpen={onOpen} />
      <Steps title={t.gallery.usedBy} attempts={found.data?.used} files={(x) => others(x.makes)} onOpen={onOpen} />
    </>
  );
}

type Attempt = Schemas["LineageAttempt"];

function Steps({ title, attempts, files, onOpen }: { title: string; attempts: Attempt[] | undefined; files: (x: Attempt) => Artifact[]; onOpen: (digest: string) => void }) {
  if (attempts === undefined || attempts.length === 0) return null;
  return (
    <section aria-label={title} className="grid gap-2">
      <h3 className="text-body text-muted">{title}</h3>
      <ul className="grid gap-2">
        {attempts.map((x) => (
          <li key={x.at} className="grid gap-2 rounded-md border border-line p-3">
            <Link to="/runs/$id" params={{ id: x.at.split("/")[0] ?? "" }} className="truncate font-medium hover:underline" title={x.at}>
              {x.type} <span className="font-normal text-muted">{x.pipeline}</span>
            </Link>
            <ul className="grid gap-1 empty:hidden">
              {files(x).map((a) => (
                <li key={a.digest}>
                  <button type="button" onClick={() => onOpen(a.digest)} className="flex w-full min-w-0 items-center gap-3 overflow-hidden rounded-md text-left hover:bg-raised pointer-coarse:min-h-11">
                    <span className="w-14 shrink-0">
                      <Thumbnail artifact={a} width={128} small />
                    </span>
                    <span className="min-w-0 grow truncate" title={a.name}>
                      {a.name}
                    </span>
                  </button>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
    </section>
  );
}
