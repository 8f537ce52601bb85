import { AudioLines, Download, File as FileIcon, Image, Play } from "lucide-react";
import { useState } from "react";
import { size } from "../core/format.js";
import { artifactURL, mediaKind, thumbnailURL, waveformURL, type Artifact } from "../core/values.js";
import { t } from "../strings.js";

/** Media shows a file in its place: films and sounds play, pictures are seen, anything else can be taken. */
export function Media({ artifact: a }: { artifact: Artifact }) {
  const [broken, setBroken] = useState(false);
  const url = artifactURL(a);
  const kind = mediaKind(a.mediaType);
  const fails = (): void => setBroken(true);
  return (
    <figure className="card min-w-0 overflow-hidden">
      {broken ? (
        <p className="bg-raised px-4 py-8 text-center text-muted">{t.media.broken}</p>
      ) : kind === "video" ? (
        <video src={url} poster={thumbnailURL(a, 960)} controls playsInline preload="metadata" aria-label={a.name} onError={fails} className="aspect-video w-full bg-black object-contain" />
      ) : kind === "image" ? (
        <img src={url} alt={a.name} loading="lazy" onError={fails} className="max-h-[70vh] w-full bg-raised object-contain" />
      ) : kind === "audio" ? (
        <div className="bg-raised p-3">
          <audio src={url} controls preload="metadata" aria-label={a.name} onError={fails} className="w-full" />
        </div>
      ) : null}
      <figcaption className="flex items-center gap-2 py-1 pr-1 pl-3">
        <span className="min-w-0 grow truncate font-medium" title={a.name}>
          {a.name}
        </span>
        <span className="shrink-0 text-small text-muted">{size(a.size)}</span>
        <a href={url} download={a.name} aria-label={`${t.media.download}: ${a.name}`} title={t.media.download} className="grid size-8 shrink-0 place-items-center rounded-md text-muted hover:bg-raised hover:text-ink pointer-coarse:size-11">
          <Download size={16} aria-hidden />
        </a>
      </figcaption>
    </figure>
  );
}

const icons = { video: Play, image: Image, audio: AudioLines, file: FileIcon };

interface ThumbnailProps {
  artifact: Artifact;
  width?: number;
  small?: boolean;
  /** How a text begins. */
  words?: string | undefined;
}

/** Thumbnail is a small picture of a file, how loud a sound is over its time, or how a text begins; where there is none, its kind. It is 16:9, as wide as what is around it. */
export function Thumbnail({ artifact: a, width = 480, small = false, words }: ThumbnailProps) {
  const [broken, setBroken] = useState(false);
  const kind = mediaKind(a.mediaType);
  const Icon = icons[kind];
  const seen = !broken && (kind === "video" || kind === "image");
  if (kind === "audio" && !broken && !small)
    return (
      <span className="grid aspect-video w-full place-items-center overflow-hidden bg-raised px-4">
        <img src={waveformURL(a)} alt="" loading="lazy" onError={() => setBroken(true)} className="h-3/5 w-full object-fill" />
      </span>
    );
  if (words !== undefined)
    return (
      <span aria-hidden className="block aspect-video w-full overflow-hidden bg-raised px-3 pt-2.5 text-muted">
        <span className="block h-full overflow-hidden mask-b-from-60% text-small break-words whitespace-pre-line">{words}</span>
      </span>
    );
  return (
    <span className="relative grid aspect-video w-full grid-rows-1 place-items-center overflow-hidden bg-raised text-muted">
      {seen ? <img src={thumbnailURL(a, width)} alt="" loading="lazy" onError={() => setBroken(true)} className="size-full object-cover" /> : <Icon size={small ? 16 : 22} aria-hidden />}
      {seen && kind === "video" && !small && (
        <span className="absolute grid size-9 place-items-center rounded-full bg-black/60 text-on-fill">
          <Play size={16} fill="currentColor" aria-hidden />
        </span>
      )}
    </span>
  );
}

/** FileRow is a file in one line, with a small picture; it opens in a tab of its own. */
export function FileRow({ artifact: a }: { artifact: Artifact }) {
  return (
    <a href={artifactURL(a)} target="_blank" rel="noreferrer" className="flex w-full min-w-0 max-w-md items-center gap-3 overflow-hidden rounded-md border border-line bg-surface pr-3 hover:border-edge">
      <span className="w-16 shrink-0">
        <Thumbnail artifact={a} width={128} small />
      </span>
      <span className="min-w-0 grow truncate font-medium" title={a.name}>
        {a.name}
      </span>
      <span className="shrink-0 text-small text-muted">{size(a.size)}</span>
    </a>
  );
}
